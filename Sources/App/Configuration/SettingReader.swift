import Policy
import Primitives

/// One mistake in a configuration: where it stands and what to do about it.
struct ConfigurationProblem: Sendable, Hashable {
    /// Such as `server.limits.header_timeout`.
    let path: String
    /// Counted from 1; 0 for values from the environment or missing ones.
    let line: Int
    let message: String

    var description: String { line > 0 ? "line \(line): \(path): \(message)" : "\(path): \(message)" }
}

/// Takes settings out of a mapping one by one, collecting every problem; what is left at the end is an unknown key.
final class SettingReader {
    /// Set while the settings are only being listed: then nothing is read, and each call notes what it would take.
    private var schema: SettingSchema?
    private let path: String
    private let line: Int
    private var members: [String: (line: Int, node: YAMLNode)]
    private let problems: ProblemList
    private let references: References

    /// Where all readers of one configuration put their problems.
    final class ProblemList {
        private(set) var problems: [ConfigurationProblem] = []
        func add(_ problem: ConfigurationProblem) { problems.append(problem) }
    }

    init(_ node: YAMLNode, path: String, problems: ProblemList, references: References) {
        self.path = path
        self.problems = problems
        self.references = references
        line = node.line
        var members: [String: (line: Int, node: YAMLNode)] = [:]
        if case .mapping(let pairs) = node.value {
            for pair in pairs { members[pair.key] = (pair.line, pair.value) }
        } else if case .scalar("", isPlain: true) = node.value {
            // An empty section is a section with its defaults.
        } else {
            problems.add(ConfigurationProblem(path: path, line: node.line, message: "must be a mapping"))
        }
        self.members = members
    }

    /// A reader that reads nothing and lists what it is asked for.
    init(listing schema: SettingSchema) {
        (path, line, members, problems, references) = ("", 0, [:], ProblemList(), References(environment: [:]))
        self.schema = schema
    }

    /// Runs `body` with the section of that name, then reports the keys it did not know.
    func section(_ name: String, _ body: (SettingReader) -> Void) {
        if let schema { return body(SettingReader(listing: schema.add(name, .object))) }
        guard let (_, node) = members.removeValue(forKey: name) else { return }
        let reader = SettingReader(node, path: full(name), problems: problems, references: references)
        body(reader)
        reader.reportUnknown()
    }

    /// Every remaining member, for maps whose keys are names.
    func rest(_ body: (String, SettingReader) -> Void) {
        if schema != nil { return body(SettingSchema.anyName, self) }
        for (name, member) in members.sorted(by: { $0.value.line < $1.value.line }) {
            members[name] = nil
            let reader = SettingReader(
                YAMLNode(value: .mapping([(name, member.line, member.node)]), line: member.line), path: path, problems: problems,
                references: references)
            body(name, reader)
            reader.reportUnknown()
        }
    }

    /// The elements of a sequence of mappings.
    func list(_ name: String, _ body: (SettingReader) -> Void) {
        if let schema { return body(SettingReader(listing: schema.add(name, .list))) }
        guard let (line, node) = members.removeValue(forKey: name) else { return }
        guard case .sequence(let elements) = node.value else { return report(name, line, "must be a list") }
        for (index, element) in elements.enumerated() {
            let reader = SettingReader(element, path: "\(full(name))[\(index)]", problems: problems, references: references)
            body(reader)
            reader.reportUnknown()
        }
    }

    func has(_ name: String) -> Bool { schema != nil || members[name] != nil }
    func ignore(_ name: String) {
        if schema?.member(name) == nil { schema?.add(name, .string(isOptional: true)) }
        members[name] = nil
    }

    /// True for a member that says it is not set.
    func isNull(_ name: String) -> Bool {
        guard case .scalar(let text, isPlain: true)? = members[name]?.node.value else { return false }
        return ["", "null", "~"].contains(text)
    }

    func string(_ name: String, into target: inout String) {
        if let schema { return _ = schema.add(name, .string(isOptional: false)) }
        scalar(name) { text, _, _ in target = text }
    }

    /// `null`, `~` and an empty value mean nil.
    func optionalString(_ name: String, into target: inout String?) {
        if let schema { return _ = schema.add(name, .string(isOptional: true)) }
        scalar(name) { text, isPlain, _ in target = isPlain && ["", "null", "~"].contains(text) ? nil : text }
    }

    func bool(_ name: String, into target: inout Bool) {
        if let schema { return _ = schema.add(name, .bool) }
        scalar(name) { text, _, line in
            switch text {
            case "true", "on": target = true
            case "false", "off": target = false
            default: report(name, line, "must be true or false")
            }
        }
    }

    func choice(_ name: String, _ words: [String], into target: inout String) {
        if let schema { return _ = schema.add(name, .choice(words)) }
        scalar(name) { text, _, line in
            guard words.contains(text) else { return report(name, line, "must be one of \(words.joined(separator: ", "))") }
            target = text
        }
    }

    func int(_ name: String, _ range: ClosedRange<Int>, into target: inout Int) {
        if let schema { return _ = schema.add(name, .int(range)) }
        scalar(name) { text, _, line in
            guard let value = Int(text), range.contains(value) else {
                return report(name, line, "must be a whole number from \(range.lowerBound) to \(range.upperBound)")
            }
            target = value
        }
    }

    func duration(_ name: String, _ range: ClosedRange<Duration>, into target: inout Duration) {
        if let schema { return _ = schema.add(name, .duration) }
        scalar(name) { text, _, line in
            guard let value = Duration(setting: text), range.contains(value) else {
                return report(
                    name, line,
                    "must be a duration such as 90s, 15m, 1h or 30d, from \(range.lowerBound.settingText) to \(range.upperBound.settingText)"
                )
            }
            target = value
        }
    }

    func strings(_ name: String, into target: inout [String]) {
        if let schema { return _ = schema.add(name, .strings) }
        guard let (line, node) = members.removeValue(forKey: name) else { return }
        guard case .sequence(let elements) = node.value else { return report(name, line, "must be a list") }
        var values: [String] = []
        for element in elements {
            guard case .scalar(let raw, _) = element.value else { return report(name, element.line, "must be a list of words") }
            guard let text = resolve(raw, name, element.line) else { return }
            values.append(text)
        }
        target = values
    }

    /// A quota mapping, or the word `off`.
    func quota(_ name: String, into target: inout Quota?) {
        if let schema { return _ = schema.add(name, .quota) }
        guard let (line, node) = members.removeValue(forKey: name) else { return }
        if case .scalar(let text, _) = node.value {
            guard text == "off" || text == "false" else { return report(name, line, "must be off, or { rate, window, burst }") }
            target = nil
            return
        }
        var rate = target?.rate ?? 60
        var window = target?.window ?? .seconds(60)
        var burst = target?.burst ?? 20
        let reader = SettingReader(node, path: full(name), problems: problems, references: references)
        reader.int("rate", 1...10_000_000, into: &rate)
        reader.duration("window", .seconds(1)...(.seconds(86_400)), into: &window)
        reader.int("burst", 1...10_000_000, into: &burst)
        reader.reportUnknown()
        target = Quota(rate: rate, window: window, burst: burst)
    }

    func report(_ name: String, _ message: String) { report(name, members[name]?.line ?? line, message) }

    func reportUnknown() {
        for (name, member) in members.sorted(by: { $0.value.line < $1.value.line }) {
            report(name, member.line, "is not a known setting")
        }
    }

    private func scalar(_ name: String, _ body: (String, Bool, Int) -> Void) {
        guard let (line, node) = members.removeValue(forKey: name) else { return }
        guard case .scalar(let raw, let isPlain) = node.value else { return report(name, line, "must be a single value") }
        guard let text = resolve(raw, name, line) else { return }
        body(text, isPlain, line)
    }

    private func resolve(_ raw: String, _ name: String, _ line: Int) -> String? {
        do { return try references.resolve(raw) } catch {
            report(name, line, error.message)
            return nil
        }
    }

    private func report(_ name: String, _ line: Int, _ message: String) {
        problems.add(ConfigurationProblem(path: full(name), line: line, message: message))
    }

    private func full(_ name: String) -> String { path.isEmpty ? name : "\(path).\(name)" }
}

/// `${VAR}` inside a value, and `env:NAME` and `credential:NAME` as a whole value. `file:` stays: the setting that wants a file
/// reads it; a credential of systemd is such a file, in the folder the service was given.
struct References {
    let environment: [String: String]

    struct Problem: Error { let message: String }

    func resolve(_ text: String) throws(Problem) -> String {
        if text.hasPrefix("env:") {
            let name = String(text.dropFirst(4))
            guard let value = environment[name] else { throw Problem(message: "the environment variable \(name) is not set") }
            return value
        }
        if text.hasPrefix("credential:") {
            let name = String(text.dropFirst("credential:".count))
            guard !name.isEmpty, !name.contains("/"), name != "..", name != "." else {
                throw Problem(message: "credential: takes the name of a credential, without a path")
            }
            guard let folder = environment["CREDENTIALS_DIRECTORY"] else {
                throw Problem(
                    message:
                        "CREDENTIALS_DIRECTORY is not set: say LoadCredential=\(name):/path in the unit, and run this inside it")
            }
            return "file:\(folder)/\(name)"
        }
        var out = ""
        var rest = text[...]
        while let start = rest.firstRange(of: "${") {
            out += rest[..<start.lowerBound]
            guard let end = rest[start.upperBound...].firstIndex(of: "}") else { throw Problem(message: "${ is not closed by }") }
            let name = String(rest[start.upperBound..<end])
            guard let value = environment[name] else { throw Problem(message: "the environment variable \(name) is not set") }
            out += value
            rest = rest[rest.index(after: end)...]
        }
        return out + rest
    }
}

extension Duration {
    /// Reads `250ms`, `90s`, `15m`, `1h`, `30d`; nil for anything else.
    init?(setting text: String) {
        let digits = text.prefix { $0.isASCII && $0.isNumber }
        guard let number = Int64(digits), number < 1_000_000_000 else { return nil }
        switch text[digits.endIndex...] {
        case "ms": self = .milliseconds(number)
        case "s": self = .seconds(number)
        case "m": self = .seconds(number * 60)
        case "h": self = .seconds(number * 3600)
        case "d": self = .seconds(number * 86_400)
        default: return nil
        }
    }

    /// The shortest spelling `init(setting:)` reads back.
    var settingText: String {
        let total = milliseconds
        for (unit, size) in [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000)] as [(String, Int64)]
        where total >= size && total % size == 0 { return "\(total / size)\(unit)" }
        return "\(total)ms"
    }
}
