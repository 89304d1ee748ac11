import Primitives

/// What can be set, as the reader itself asks for it: nothing can be read that is not in the schema, and the other way round.
final class SettingSchema {
    enum Kind {
        case object, list, quota, strings, bool, duration
        case string(isOptional: Bool)
        case choice([String])
        case int(ClosedRange<Int>)
    }

    /// Stands for any name, in maps whose keys are names.
    static let anyName = "*"

    let kind: Kind
    private var members: [(name: String, schema: SettingSchema)] = []

    init(_ kind: Kind) { self.kind = kind }

    /// The schema of everything.
    static func make() -> SettingSchema {
        let root = SettingSchema(.object)
        var configuration = Configuration()
        configuration.read(SettingReader(listing: root))
        return root
    }

    @discardableResult
    func add(_ name: String, _ kind: Kind) -> SettingSchema {
        if let known = member(name) { return known }
        let made = SettingSchema(kind)
        members.append((name, made))
        return made
    }

    func member(_ name: String) -> SettingSchema? { members.first { $0.name == name }?.schema }

    // MARK: JSON Schema 2020-12

    /// A document editors complete and check configurations with.
    var document: JSONValue {
        var out = object(path: "")
        out =
            [
                ("$schema", "https://json-schema.org/draft/2020-12/schema"), ("title", "Configuration of Gatehouse"),
                ("description", "Values may also be references: env:NAME, credential:NAME, ${NAME} inside a text."),
            ] + out
        return .object(JSONObject(out))
    }

    private func json(path: String) -> JSONValue {
        var out: [(String, JSONValue)]
        switch kind {
        case .object: out = object(path: path)
        case .list: out = [("type", "array"), ("items", .object(JSONObject(object(path: path))))]
        case .quota: out = [("oneOf", [["enum": ["off", false]], Self.quota])]
        case .strings: out = [("type", "array"), ("items", ["type": "string"])]
        case .bool: out = [("anyOf", [["type": "boolean"], ["enum": ["on", "off"]], Self.reference])]
        case .duration: out = [("anyOf", [Self.duration, Self.reference])]
        case .string(let isOptional): out = [("type", isOptional ? Self.textOrNull : .string("string"))]
        case .choice(let words):
            // Editors that read YAML 1.1 take a bare on or off for a truth value.
            let bare: [JSONValue] = (words.contains("on") ? [true] : []) + (words.contains("off") ? [false] : [])
            out = [("anyOf", [["enum": .array(words.map { .string($0) } + bare)], Self.reference])]
        case .int(let range):
            out = [
                (
                    "anyOf",
                    [["type": "integer", "minimum": .int(range.lowerBound), "maximum": .int(range.upperBound)], Self.reference]
                )
            ]
        }
        if let setting = SettingCatalog.settings.first(where: { $0.path == path }) {
            out.append(("description", .string(setting.meaning)))
            if setting.defaultText != "required" { out.append(("default", defaultValue(setting.defaultText))) }
        }
        return .object(JSONObject(out))
    }

    private func object(path: String) -> [(String, JSONValue)] {
        func full(_ name: String) -> String { path.isEmpty ? name : "\(path).\(name)" }
        let named = members.filter { $0.name != Self.anyName }.map { ($0.name, $0.schema.json(path: full($0.name))) }
        let rest: JSONValue = member(Self.anyName).map { $0.json(path: full(Self.anyName)) } ?? false
        // An empty section is a section with its defaults.
        let types: JSONValue = ["object", "null"]
        return [("type", types), ("properties", .object(JSONObject(named))), ("additionalProperties", rest)]
    }

    private func defaultValue(_ text: String) -> JSONValue {
        switch kind {
        case .int: .int(Int(text) ?? 0)
        case .bool where ["true", "false"].contains(text): .bool(text == "true")
        case .strings: text == "[]" ? [] : .array(text.split(separator: ",").map { .string(String($0.drop { $0 == " " })) })
        case .string where text == "null": .null
        default: .string(text)
        }
    }

    private static let textOrNull: JSONValue = ["string", "null"]
    private static let reference: JSONValue = ["type": "string", "pattern": "^env:.+|^credential:.+|\\$\\{.+\\}"]
    private static let duration: JSONValue = ["type": "string", "pattern": "^[0-9]{1,9}(ms|s|m|h|d)$"]
    private static let quota: JSONValue = [
        "type": "object", "additionalProperties": false,
        "properties": [
            "rate": ["anyOf": [["type": "integer", "minimum": 1, "maximum": 10_000_000], reference]],
            "window": ["anyOf": [duration, reference]],
            "burst": ["anyOf": [["type": "integer", "minimum": 1, "maximum": 10_000_000], reference]],
        ],
    ]
}
