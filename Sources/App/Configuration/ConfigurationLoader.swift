import Policy
import Primitives
import Vault

/// Reads configuration texts in layers, later over earlier, the environment over all, and yields the finished tree or
/// every problem at once.
struct ConfigurationLoader {
    let environment: [String: String]

    /// Every mistake found, in the order of the file.
    struct Failure: Error {
        let problems: [ConfigurationProblem]
    }

    /// - Parameter checksFiles: a file that is named and missing is a problem like any other.
    func load(_ layers: [String], checksFiles: Bool = false) throws(Failure) -> Configuration {
        try read(merge(layers), checksFiles: checksFiles)
    }

    /// The layers as one tree, the environment included.
    func merge(_ layers: [String]) throws(Failure) -> YAMLNode {
        var tree = YAMLNode(value: .mapping([]), line: 1)
        for text in layers {
            do throws(YAMLNode.Problem) { tree = tree.overlaid(by: try YAMLNode(parsing: text)) } catch {
                throw Failure(problems: [ConfigurationProblem(path: "file", line: error.line, message: error.message)])
            }
        }
        for setting in SettingCatalog.settings {
            if let value = environment[setting.environmentName] {
                tree = tree.setting(setting.path.split(separator: ".").map(String.init), to: value)
            }
        }
        return tree
    }

    func read(_ tree: YAMLNode, checksFiles: Bool = false) throws(Failure) -> Configuration {
        let problems = SettingReader.ProblemList()
        var configuration = Configuration()
        let root = SettingReader(tree, path: "", problems: problems, references: References(environment: environment))
        configuration.read(root)
        root.reportUnknown()
        configuration.validate(problems)
        if checksFiles {
            for (path, file) in configuration.namedFiles where !file.isEmpty && !Files.exists(file) {
                problems.add(ConfigurationProblem(path: path, line: tree.line(of: path), message: "there is no file \(file)"))
            }
        }
        guard problems.problems.isEmpty else { throw Failure(problems: problems.problems) }
        return configuration
    }
}

extension Configuration {
    /// Files that must be there before anything is served.
    fileprivate var namedFiles: [(path: String, file: String)] {
        [
            ("server.tls.certificate", server.certificate ?? ""), ("server.tls.key", server.key ?? ""),
            ("server.tls.client_ca", server.clientCA ?? ""), ("vault.root_key", rootKeyFile.path),
            ("login.breach_list", login.breachList ?? ""),
        ]
    }
}

extension YAMLNode {
    /// The line on which a setting stands; 0 when it came from elsewhere.
    func line(of path: String) -> Int {
        var node = self
        for name in path.split(separator: ".") {
            guard case .mapping(let members) = node.value, let member = members.first(where: { $0.key == name }) else { return 0 }
            node = YAMLNode(value: member.value.value, line: member.line)
        }
        return node.line
    }

    /// Every single value by its path, in the order of the file.
    var settings: [(path: String, value: String, line: Int)] { settings(at: "", line: line) }

    private func settings(at path: String, line: Int) -> [(path: String, value: String, line: Int)] {
        switch value {
        case .scalar(let text, _): return [(path, text, line)]
        case .sequence(let elements):
            return elements.isEmpty
                ? [(path, "[]", line)]
                : elements.enumerated().flatMap { $0.element.settings(at: "\(path)[\($0.offset)]", line: $0.element.line) }
        case .mapping(let members):
            return members.flatMap { $0.value.settings(at: path.isEmpty ? $0.key : "\(path).\($0.key)", line: $0.line) }
        }
    }

    /// Mappings merge key by key; anything else is replaced.
    func overlaid(by other: YAMLNode) -> YAMLNode {
        guard case .mapping(var members) = value, case .mapping(let others) = other.value else { return other }
        for member in others {
            if let index = members.firstIndex(where: { $0.key == member.key }) {
                members[index] = (member.key, member.line, members[index].value.overlaid(by: member.value))
            } else {
                members.append(member)
            }
        }
        return YAMLNode(value: .mapping(members), line: line)
    }

    /// A copy with the scalar at that path set; lists are written `a,b,c`.
    func setting(_ path: [String], to text: String) -> YAMLNode {
        guard let first = path.first else { return YAMLNode(value: .scalar(text, isPlain: true), line: 0) }
        var members: [(key: String, line: Int, value: YAMLNode)] = []
        if case .mapping(let existing) = value { members = existing }
        let child = members.first { $0.key == first }?.value ?? YAMLNode(value: .mapping([]), line: 0)
        var next = child.setting(Array(path.dropFirst()), to: text)
        if path.count == 1, SettingCatalog.isList(first) {
            next = YAMLNode(
                value: .sequence(text.split(separator: ",").map { YAMLNode(value: .scalar(String($0), isPlain: false), line: 0) }),
                line: 0)
        }
        members.removeAll { $0.key == first }
        members.append((first, 0, next))
        return YAMLNode(value: .mapping(members), line: line)
    }

    /// The tree as YAML text that `init(parsing:)` reads back.
    var yaml: String {
        var out = ""
        write(into: &out, indent: 0)
        return out
    }

    private func write(into out: inout String, indent: Int) {
        let margin = String(repeating: "  ", count: indent)
        switch value {
        case .mapping(let members):
            for member in members {
                out += "\(margin)\(JSONValue.string(member.key).text):"
                member.value.writeAfterMark(into: &out, indent: indent + 1)
            }
        case .sequence(let elements):
            for element in elements {
                out += "\(margin)-"
                element.writeAfterMark(into: &out, indent: indent + 1)
            }
        case .scalar: out += "\(margin)\(scalarText)\n"
        }
    }

    /// On the line of its key or hyphen when that is enough, else below it.
    private func writeAfterMark(into out: inout String, indent: Int) {
        switch value {
        case .scalar: out += " \(scalarText)\n"
        case .mapping(let members) where members.isEmpty: out += " {}\n"
        case .sequence(let elements) where elements.isEmpty: out += " []\n"
        default:
            out += "\n"
            write(into: &out, indent: indent)
        }
    }

    private var scalarText: String {
        guard case .scalar(let text, let isPlain) = value else { return "" }
        return isPlain && Self.isSafePlain(text) ? text : JSONValue.string(text).text
    }

    /// Reads back as the same word without quotes. Nothing at all is such a word: it means null.
    private static func isSafePlain(_ text: String) -> Bool {
        let bytes = text.utf8
        return bytes.allSatisfy { $0 > 0x20 && $0 < 0x7F && !"#{}[],&*!|>'\"%@`".utf8.contains($0) }
            && !(bytes.first.map { "-?:=".utf8.contains($0) } ?? false) && bytes.last != UInt8(ascii: ":")
    }
}
