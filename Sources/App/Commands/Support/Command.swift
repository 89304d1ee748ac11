/// One verb: how it is called, what it does, and what runs it.
struct Command: Sendable {
    struct Option: Sendable {
        let name: String
        var short: String?
        /// Nil for a switch.
        var placeholder: String?
        let help: String

        init(_ name: String, short: String? = nil, _ placeholder: String? = nil, _ help: String) {
            self.name = name
            self.short = short
            self.placeholder = placeholder
            self.help = help
        }
    }

    /// `["user", "add"]`.
    let path: [String]
    /// `NAME --role R`.
    let usage: String
    let summary: String
    var options: [Option] = []
    let run: @Sendable (Invocation) async throws(CommandError) -> Void

    var title: String { path.joined(separator: " ") }

    /// Taken by every command.
    static let common = [
        Option("--config", "FILE", "configuration file (or GATEHOUSE_CONFIG)"),
        Option("--data-dir", "DIR", "folder whose gatehouse.yaml is used"),
        Option("--json", nil, "print JSON, one object a line for lists"),
        Option("--help", short: "-h", nil, "show this help"),
    ]

    var help: String {
        var text = "\(summary)\n\nUsage: gatehouse \(title) \(usage)\n\nOptions:\n"
        let rows = (options + Self.common).map { option in
            (
                [option.short, option.name].compactMap { $0 }.joined(separator: ", ") + (option.placeholder.map { " " + $0 } ?? ""),
                option.help
            )
        }
        let width = rows.map { $0.0.count }.max() ?? 0
        for (left, right) in rows { text += "  " + left + String(repeating: " ", count: width - left.count + 2) + right + "\n" }
        return text
    }

    /// Every command, in the order help shows them.
    static let all: [Command] =
        serving + initializing + doctors + users + keys + signingKeys + clients + tokens + sessions + audits + vaults + databases
        + configurations + simulators + documentation
}

/// One call of a command.
struct Invocation: Sendable {
    let arguments: Arguments
    let output: Output
    let environment: [String: String]

    func has(_ name: String) -> Bool { arguments.has(name) }
    func value(_ name: String) -> String? { arguments.value(name) }
}
