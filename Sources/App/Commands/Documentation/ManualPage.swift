/// The manual page, from the same tree as `--help`.
enum ManualPage {
    static func text(_ commands: [Command]) -> String {
        var out = """
            .TH GATEHOUSE 1 "" "gatehouse \(Version.current)" "Gatehouse"
            .SH NAME
            gatehouse \\- OAuth gateway for MCP
            .SH SYNOPSIS
            .B gatehouse
            .I COMMAND
            .RI [ OPTIONS ]
            .SH DESCRIPTION
            Gatehouse stands between MCP clients such as Claude and the services they use. It signs people in, asks them what a client
            may do, keeps their keys, limits and records every call.
            .SH COMMANDS

            """
        for command in commands {
            out += ".SS \(escaped("gatehouse \(command.title) \(command.usage)".trimmingTail))\n\(line(command.summary))\n"
            for option in command.options { out += tagged(option) }
        }
        out += ".SH OPTIONS\nEvery command takes these.\n"
        for option in Command.common { out += tagged(option) }
        out += """
            .SH ENVIRONMENT
            .TP
            .B GATEHOUSE_CONFIG
            The configuration file, when neither \\-\\-config nor \\-\\-data\\-dir is given.
            .TP
            .B CREDENTIALS_DIRECTORY
            Where systemd put what credential:NAME in the configuration names.
            .PP
            Each of the following wins over the configuration file.

            """
        for setting in SettingCatalog.settings {
            out += ".TP\n.B \(escaped(setting.environmentName))\n\(line("\(setting.path): \(setting.meaning)"))\n"
        }
        out += """
            .SH FILES
            .TP
            .I /etc/gatehouse/gatehouse.yaml
            The configuration, when nothing else names one and there is no .gatehouse folder here.
            .TP
            .I /var/lib/gatehouse
            The database and the audit log.
            .SH EXIT STATUS

            """
        for (code, meaning) in exitCodes { out += ".TP\n.B \(code)\n\(line(meaning))\n" }
        return out
    }

    /// Contract §6.
    static let exitCodes = [
        (0, "Done."), (1, "The answer is no: not found, not verified, not ready."), (64, "The command was called wrongly."),
        (69, "Something needed is not available now."), (70, "A bug of ours."), (73, "A file cannot be made."),
        (74, "A file cannot be written."), (77, "Not permitted."), (78, "The configuration or a key is wrong."),
    ]

    private static func tagged(_ option: Command.Option) -> String {
        let names = [option.short, option.name].compactMap { $0 }.map { "\\fB\(escaped($0))\\fR" }.joined(separator: ", ")
        return ".TP\n\(names)\(option.placeholder.map { " \\fI\(escaped($0))\\fR" } ?? "")\n\(line(option.help))\n"
    }

    /// A line of text: a dot or quote at its beginning would be a request.
    private static func line(_ text: String) -> String {
        let text = escaped(text)
        return text.hasPrefix(".") || text.hasPrefix("'") ? "\\&" + text : text
    }

    private static func escaped(_ text: String) -> String {
        var out = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\\": out += "\\e"
            case "-": out += "\\-"
            case "…": out += "..."
            case "\"": out += "\\(dq"
            case let other where other.isASCII: out.unicodeScalars.append(other)
            case let other: out += "\\[u\(Self.hex(other.value))]"
            }
        }
        return out
    }

    private static func hex(_ value: UInt32) -> String {
        let digits = String(value, radix: 16, uppercase: true)
        return String(repeating: "0", count: max(0, 4 - digits.count)) + digits
    }
}
