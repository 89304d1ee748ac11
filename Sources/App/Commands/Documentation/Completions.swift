/// Shell completion, from the same tree as `--help`.
enum Completions {
    enum Shell: String { case bash, zsh, fish }

    static func script(for shell: Shell, _ commands: [Command]) -> String {
        switch shell {
        case .bash: bash(commands)
        case .zsh: zsh(commands)
        case .fish: fish(commands)
        }
    }

    /// Words that may follow those of `path`: the next word of every command that begins so.
    static func words(after path: [String], _ commands: [Command]) -> [String] {
        var found: [String] = []
        for command in commands where command.path.count > path.count && Array(command.path.prefix(path.count)) == path {
            let word = command.path[path.count]
            if !found.contains(word) { found.append(word) }
        }
        return found
    }

    /// Every beginning of a command, the empty one first.
    private static func beginnings(_ commands: [Command]) -> [[String]] {
        var found: [[String]] = [[]]
        for command in commands {
            for length in 1...command.path.count {
                let path = Array(command.path.prefix(length))
                if !found.contains(path) { found.append(path) }
            }
        }
        return found
    }

    private static func isFile(_ option: Command.Option) -> Bool { option.placeholder == "FILE" }
    private static func isFolder(_ option: Command.Option) -> Bool { option.placeholder == "DIR" }

    /// Names of the options that take a value, told apart by what is completed after them.
    private static func valued(_ commands: [Command], _ isMeant: (Command.Option) -> Bool) -> String {
        let options = (commands.flatMap(\.options) + Command.common).filter { $0.placeholder != nil && isMeant($0) }
        return Set(options.map(\.name)).sorted().joined(separator: "|")
    }

    private static func bash(_ commands: [Command]) -> String {
        var cases = ""
        for path in beginnings(commands) {
            let command = commands.first { $0.path == path }
            let options = command.map { ($0.options + Command.common).map(\.name) } ?? []
            let words = words(after: path, commands) + options
            cases += "    \"\(path.joined(separator: " "))\") words=\"\(words.joined(separator: " "))\" ;;\n"
        }
        return """
            # Completion of gatehouse for bash. Made by: gatehouse completions bash
            _gatehouse() {
                local current="${COMP_WORDS[COMP_CWORD]}" previous="" path="" words="" word index next
                COMPREPLY=()
                (( COMP_CWORD > 0 )) && previous="${COMP_WORDS[COMP_CWORD-1]}"
                case "$previous" in
                \(valued(commands, isFile))) COMPREPLY=($(compgen -f -- "$current")); return ;;
                \(valued(commands, isFolder))) COMPREPLY=($(compgen -d -- "$current")); return ;;
                \(valued(commands) { !isFile($0) && !isFolder($0) })) return ;;
                esac
                for (( index = 1; index < COMP_CWORD; index++ )); do
                    word="${COMP_WORDS[index]}"
                    [[ "$word" == -* ]] && continue
                    next="${path:+$path }$word"
                    _gatehouse_words "$next" && path="$next"
                done
                _gatehouse_words "$path"
                COMPREPLY=($(compgen -W "$words" -- "$current"))
                [[ ${#COMPREPLY[@]} -eq 0 && "$current" != -* ]] && COMPREPLY=($(compgen -f -- "$current"))
            }
            # Sets words to what may follow a beginning of a command; fails when it is none.
            _gatehouse_words() {
                case "$1" in
            \(cases)    *) return 1 ;;
                esac
            }
            complete -o filenames -F _gatehouse gatehouse
            """
    }

    private static func zsh(_ commands: [Command]) -> String {
        var cases = ""
        for path in beginnings(commands) {
            let command = commands.first { $0.path == path }
            let words = words(after: path, commands).map { word in
                let summary = commands.first { $0.path == path + [word] }?.summary ?? "\(word) …"
                return quoted("\(word):\(summary)")
            }
            let options = (command.map { $0.options + Command.common } ?? []).map { quoted("\($0.name):\($0.help)") }
            cases += "    \(quoted(path.joined(separator: " ")))) found=(\((words + options).joined(separator: " "))) ;;\n"
        }
        return """
            #compdef gatehouse
            # Completion of gatehouse for zsh. Made by: gatehouse completions zsh
            # Sets found to what may follow a beginning of a command; fails when it is none.
            _gatehouse_words() {
                case "$1" in
            \(cases)    *) return 1 ;;
                esac
            }
            _gatehouse() {
                local path_typed="" next word previous="${words[CURRENT-1]}"
                local -a found
                case "$previous" in
                \(valued(commands, isFile))) _files; return ;;
                \(valued(commands, isFolder))) _files -/; return ;;
                \(valued(commands) { !isFile($0) && !isFolder($0) })) return ;;
                esac
                for word in "${(@)words[2,CURRENT-1]}"; do
                    [[ "$word" == -* ]] && continue
                    next="${path_typed:+$path_typed }$word"
                    _gatehouse_words "$next" && path_typed="$next"
                done
                found=()
                _gatehouse_words "$path_typed"
                _describe 'gatehouse' found || _files
            }
            compdef _gatehouse gatehouse
            """
    }

    private static func fish(_ commands: [Command]) -> String {
        var out = """
            # Completion of gatehouse for fish. Made by: gatehouse completions fish
            function __gatehouse_at
                set -l typed (commandline -opc)[2..]
                set -l path
                for word in $typed
                    string match -q -- '-*' $word; and continue
                    set -a path $word
                end
                set -l count (count $argv)
                test (count $path) -ge $count; or return 1
                test "$path[1..$count]" = "$argv"
            end
            function __gatehouse_next
                set -l typed (commandline -opc)[2..]
                set -l path
                for word in $typed
                    string match -q -- '-*' $word; and continue
                    set -a path $word
                end
                test "$path" = "$argv"
            end
            complete -c gatehouse -f

            """
        for path in beginnings(commands) {
            let place = path.joined(separator: " ")
            for word in words(after: path, commands) {
                let summary = commands.first { $0.path == path + [word] }?.summary ?? ""
                out += "complete -c gatehouse -n '__gatehouse_next \(place)' -a \(word) -d \(quoted(summary))\n"
            }
            guard let command = commands.first(where: { $0.path == path }) else { continue }
            for option in command.options + Command.common {
                let value = option.placeholder == nil ? "" : isFile(option) || isFolder(option) ? " -rF" : " -x"
                let name = option.name.hasPrefix("--") ? "-l \(option.name.dropFirst(2))" : "-s \(option.name.dropFirst())"
                out += "complete -c gatehouse -n '__gatehouse_at \(place)' \(name)\(value) -d \(quoted(option.help))\n"
            }
        }
        return out
    }

    /// In single quotes, as all three shells read them.
    private static func quoted(_ text: String) -> String { "'" + text.replacing("'", with: "'\\''") + "'" }
}
