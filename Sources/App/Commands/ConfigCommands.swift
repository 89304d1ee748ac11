import Primitives

extension Command {
    /// `gatehouse config …`
    static let configurations: [Command] = [
        Command(path: ["config", "check"], usage: "[FILE]", summary: "Check a configuration and report every problem at once.") {
            invocation async throws(CommandError) in try ConfigCommands.check(invocation)
        },
        Command(path: ["config", "show"], usage: "[FILE]", summary: "Show the settings in force, secrets masked.") {
            invocation async throws(CommandError) in try ConfigCommands.show(invocation)
        },
        Command(path: ["version"], usage: "", summary: "Show the version.") { invocation async throws(CommandError) in
            invocation.output.object(["version": .string(Version.current)], text: "gatehouse \(Version.current)")
        },
    ]
}

enum ConfigCommands {
    static func check(_ invocation: Invocation) throws(CommandError) {
        let path = invocation.arguments.operands.first ?? Installation.configurationPath(invocation)
        let configuration = try Installation.load(path, invocation.environment)
        let files = [configuration.server.certificate, configuration.server.key, configuration.server.clientCA].compactMap { $0 }
        let missing = (files + [String(configuration.vault.rootKey.dropFirst(5))]).filter { !Files.exists($0) }
        guard missing.isEmpty else {
            throw CommandError(.configuration, "\(path) names files that are not there: \(missing.joined(separator: ", ")).")
        }
        invocation.output.object(["status": "ok", "file": .string(path)], text: "\(path) is fine.")
    }

    static func show(_ invocation: Invocation) throws(CommandError) {
        let path = invocation.arguments.operands.first ?? Installation.configurationPath(invocation)
        let text: String
        do { text = try Files.readText(path) } catch { throw CommandError(.configuration, "\(error).") }
        do throws(ConfigurationLoader.Failure) {
            let loader = ConfigurationLoader(environment: invocation.environment)
            let tree = try loader.merge([text])
            _ = try loader.read(tree)
            if invocation.output.isJSON { invocation.output.line(tree.json.text) } else { invocation.output.line(tree.yaml) }
        } catch { throw Installation.failure(error, path) }
    }
}

extension YAMLNode {
    /// The tree as JSON; every scalar is text. No setting holds a secret itself, only where it is kept; user information in a
    /// URL is masked all the same.
    var json: JSONValue {
        switch value {
        case .scalar(let text, _): .string(Self.masked(text))
        case .sequence(let elements): .array(elements.map(\.json))
        case .mapping(let members): .object(JSONObject(members.map { ($0.key, $0.value.json) }))
        }
    }

    private static func masked(_ text: String) -> String {
        guard let start = text.firstRange(of: "://"), let at = text[start.upperBound...].firstIndex(of: "@") else { return text }
        return text[..<start.upperBound] + "***" + text[at...]
    }
}
