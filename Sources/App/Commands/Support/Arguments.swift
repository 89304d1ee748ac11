/// The words after a command's name, sorted into options and operands.
struct Arguments: Sendable {
    let operands: [String]
    private let values: [String: [String]]
    private let flags: Set<String>

    /// - Throws: a usage error for an unknown option or a missing value.
    init(_ words: [String], for command: Command) throws(CommandError) {
        var operands: [String] = []
        var values: [String: [String]] = [:]
        var flags: Set<String> = []
        var rest = words[...]
        var onlyOperands = false
        while let word = rest.popFirst() {
            guard word.hasPrefix("-"), word != "-", !onlyOperands else {
                operands.append(word)
                continue
            }
            if word == "--" {
                onlyOperands = true
                continue
            }
            let parts = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            guard let option = (command.options + Command.common).first(where: { $0.name == parts[0] || $0.short == parts[0] })
            else {
                throw CommandError(
                    .usage, "\(parts[0]) is no option of gatehouse \(command.title). Try gatehouse \(command.title) --help.")
            }
            if option.placeholder == nil {
                guard parts.count == 1 else { throw CommandError(.usage, "\(option.name) takes no value.") }
                flags.insert(option.name)
            } else if parts.count == 2 {
                values[option.name, default: []].append(parts[1])
            } else if let value = rest.popFirst() {
                values[option.name, default: []].append(value)
            } else {
                throw CommandError(.usage, "\(option.name) needs a value: \(option.name) \(option.placeholder ?? "").")
            }
        }
        self.operands = operands
        self.values = values
        self.flags = flags
    }

    func has(_ name: String) -> Bool { flags.contains(name) }
    func value(_ name: String) -> String? { values[name]?.last }
    func all(_ name: String) -> [String] { values[name] ?? [] }

    /// Exactly these operands, or a usage error that names what is missing.
    func operand(_ index: Int, _ name: String) throws(CommandError) -> String {
        guard index < operands.count else { throw CommandError(.usage, "\(name) is missing.") }
        return operands[index]
    }
}
