extension Command {
    /// What is generated from the commands themselves.
    static let documentation = [
        Command(
            path: ["completions"], usage: "bash|zsh|fish", summary: "Print what a shell needs to complete commands and options."
        ) { invocation async throws(CommandError) in
            let name = try invocation.arguments.operand(0, "bash, zsh or fish")
            guard let shell = Completions.Shell(rawValue: name) else {
                throw CommandError(.usage, "There are completions for bash, zsh and fish, none for \(name).")
            }
            invocation.output.line(Completions.script(for: shell, Command.all))
        },
        Command(path: ["man"], usage: "", summary: "Print the manual page; gatehouse man | man -l - shows it.") {
            invocation async throws(CommandError) in invocation.output.line(ManualPage.text(Command.all))
        },
    ]
}
