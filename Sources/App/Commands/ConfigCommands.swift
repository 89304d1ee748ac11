import Primitives

extension Command {
    /// `gatehouse config …`
    static let configurations: [Command] = [
        Command(path: ["config", "check"], usage: "[FILE]", summary: "Check a configuration and report every problem at once.") {
            invocation async throws(CommandError) in try ConfigCommands.check(invocation)
        },
        Command(
            path: ["config", "show"], usage: "[FILE] [--origin]", summary: "Show the settings in force, secrets masked.",
            options: [Option("--origin", nil, "every setting, defaults too, with where it comes from")]
        ) { invocation async throws(CommandError) in try ConfigCommands.show(invocation) },
        Command(path: ["config", "schema"], usage: "", summary: "Print the JSON Schema of the configuration, for editors.") {
            invocation async throws(CommandError) in invocation.output.line(SettingSchema.make().document.text)
        },
        Command(path: ["version"], usage: "", summary: "Show the version.") { invocation async throws(CommandError) in
            invocation.output.object(["version": .string(Version.current)], text: "gatehouse \(Version.current)")
        },
    ]
}

enum ConfigCommands {
    static func check(_ invocation: Invocation) throws(CommandError) {
        let path = invocation.arguments.operands.first ?? Installation.configurationPath(invocation)
        _ = try Installation.load(path, invocation.environment, checksFiles: true)
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
            if invocation.has("--origin") { return showOrigins(tree, path, invocation) }
            let shown = tree.shown(at: "")
            if invocation.output.isJSON { invocation.output.line(shown.json.text) } else { invocation.output.line(shown.yaml) }
        } catch { throw Installation.failure(error, path) }
    }
}

extension ConfigCommands {
    /// One line a setting: what the file says and on which line, what the environment says, what nobody says.
    private static func showOrigins(_ tree: YAMLNode, _ path: String, _ invocation: Invocation) {
        let set = tree.settings
        let environment = Dictionary(
            SettingCatalog.settings.filter { invocation.environment[$0.environmentName] != nil }.map {
                ($0.path, $0.environmentName)
            },
            uniquingKeysWith: { first, _ in first })
        func bare(_ path: String) -> String { String(path.prefix { $0 != "[" }) }
        var rows: [JSONValue] = set.map { entry in
            let variable = environment[bare(entry.path)]
            return [
                "setting": .string(entry.path), "value": .string(YAMLNode.shown(entry.value, at: entry.path)),
                "origin": .string(variable.map { "environment \($0)" } ?? "\(path) line \(entry.line)"),
            ]
        }
        let known = Set(set.map { bare($0.path) })
        for setting in SettingCatalog.settings where !known.contains(setting.path) {
            rows.append(["setting": .string(setting.path), "value": .string(setting.defaultText), "origin": "default"])
        }
        invocation.output.list(
            rows, columns: [("setting", "setting"), ("value", "value"), ("origin", "origin")], empty: "Nothing is set.")
    }
}

extension YAMLNode {
    /// A value as it may be shown; one that could be a secret itself, rather than where it is kept, is not.
    static func shown(_ text: String, at path: String) -> String {
        let isReference = ["env:", "file:", "credential:", "${"].contains { text.hasPrefix($0) }
        return (path.hasSuffix("secret") || path.hasSuffix("authorization")) && !isReference ? "***" : masked(text)
    }

    /// The tree with every value as it may be shown.
    func shown(at path: String) -> YAMLNode {
        switch value {
        case .scalar(let text, let isPlain):
            let shown = Self.shown(text, at: path)
            return YAMLNode(value: .scalar(shown, isPlain: isPlain && shown == text), line: line)
        case .sequence(let elements): return YAMLNode(value: .sequence(elements.map { $0.shown(at: path) }), line: line)
        case .mapping(let members):
            return YAMLNode(
                value: .mapping(members.map { ($0.key, $0.line, $0.value.shown(at: path.isEmpty ? $0.key : "\(path).\($0.key)")) }),
                line: line)
        }
    }

    /// The tree as JSON; every scalar is text.
    var json: JSONValue {
        switch value {
        case .scalar(let text, _): .string(text)
        case .sequence(let elements): .array(elements.map(\.json))
        case .mapping(let members): .object(JSONObject(members.map { ($0.key, $0.value.json) }))
        }
    }

    private static func masked(_ text: String) -> String {
        guard let start = text.firstRange(of: "://"), let at = text[start.upperBound...].firstIndex(of: "@") else { return text }
        return text[..<start.upperBound] + "***" + text[at...]
    }
}
