internal import Primitives

/// Short ways to write JSON Schema.
enum Schema {
    static func object(_ properties: [(String, JSONValue)], required: [String] = []) -> JSONValue {
        var out = JSONObject([("type", "object"), ("properties", .object(JSONObject(properties)))])
        if !required.isEmpty { out.append("required", .array(required.map { .string($0) })) }
        out.append("additionalProperties", false)
        return .object(out)
    }

    /// The shape of a success, and of the failure every tool may give instead.
    static func output(_ properties: [(String, JSONValue)], required: [String]) -> JSONValue {
        let failure: [(String, JSONValue)] = [
            ("code", string("On failure: why, as a stable word.")), ("message", string("What happened.")),
            ("qarnot_status", nullable("integer", "On failure: the HTTP status Qarnot answered with.")),
            ("retryable", boolean("On failure: whether the same call may succeed later.")),
            ("fields", array(string("Name."), "On failure: the members that were refused.")),
            ("rule", string("On failure: the budget rule that refuses.")),
            ("truncation_hint", string("How to get what was left out.")),
            ("truncated", boolean("True when parts were left out for size.")),
            ("truncated_members", array(string("Name."), "What was shortened.")),
        ]
        let names = Set(properties.map(\.0))
        return [
            "type": "object", "properties": .object(JSONObject(properties + failure.filter { !names.contains($0.0) })),
            "anyOf": [
                ["required": .array(required.map { .string($0) })],
                ["required": ["code", "message", "qarnot_status", "retryable"]],
            ],
        ]
    }

    static func string(
        _ description: String, minimum: Int? = nil, maximum: Int? = nil, pattern: String? = nil, choices: [String]? = nil
    ) -> JSONValue {
        var out = JSONObject([("type", "string"), ("description", .string(description))])
        if let minimum { out.append("minLength", .int(minimum)) }
        if let maximum { out.append("maxLength", .int(maximum)) }
        if let pattern { out.append("pattern", .string(pattern)) }
        if let choices { out.append("enum", .array(choices.map { .string($0) })) }
        return .object(out)
    }

    static func integer(_ description: String, _ range: ClosedRange<Int>? = nil, fallback: Int? = nil) -> JSONValue {
        var out = JSONObject([("type", "integer"), ("description", .string(description))])
        if let range {
            out.append("minimum", .int(range.lowerBound))
            out.append("maximum", .int(range.upperBound))
        }
        if let fallback { out.append("default", .int(fallback)) }
        return .object(out)
    }

    static func number(_ description: String) -> JSONValue { ["type": "number", "description": .string(description)] }
    static func boolean(_ description: String) -> JSONValue { ["type": "boolean", "description": .string(description)] }

    static func array(_ items: JSONValue, _ description: String, maximum: Int? = nil) -> JSONValue {
        var out = JSONObject([("type", "array"), ("description", .string(description)), ("items", items)])
        if let maximum { out.append("maxItems", .int(maximum)) }
        return .object(out)
    }

    static func nullable(_ type: String, _ description: String) -> JSONValue {
        ["type": [.string(type), "null"], "description": .string(description)]
    }

    // MARK: arguments many tools share

    /// A UUID or a short name: no character that means anything in a path.
    static func id(_ description: String) -> JSONValue { string(description, pattern: "^[A-Za-z0-9][A-Za-z0-9-]{0,255}$") }

    /// Names a path segment, so that it may not be or hold anything a path gives meaning to.
    static let profileName = string("Name of a profile, such as docker-batch.", pattern: "^[A-Za-z0-9][A-Za-z0-9._ -]{0,255}$")

    static let tags = array(string("Tag.", minimum: 1, maximum: 512), "Tags.", maximum: 10)

    static let constants = array(
        object(
            [
                ("key", string("Name, such as DOCKER_CMD.", maximum: 2048, pattern: "^[A-Za-z0-9_.-]+$")),
                ("value", string("Value.", maximum: 2048)),
            ], required: ["key", "value"]), "Constants of the profile. QARNOT_SECRET__ constants are write-only.", maximum: 150)

    static let bucketName = string("Bucket name.", pattern: "^[A-Za-z0-9][A-Za-z0-9._-]{2,254}$")

    static let resourceBuckets = array(
        [
            "anyOf": [
                bucketName,
                object(
                    [
                        ("bucket", bucketName), ("prefix", string("Only keys that begin so.", maximum: 1024)),
                        ("strip_prefix", string("Removed from the paths the task sees.", maximum: 1024)),
                    ], required: ["bucket"]),
            ]
        ], "Buckets with the task's input: names, or objects that choose a prefix.", maximum: 100)
}
