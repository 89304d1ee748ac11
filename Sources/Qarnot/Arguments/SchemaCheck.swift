internal import Primitives

/// Checks arguments against a tool's own input schema: the part of JSON Schema 2020-12 our schemas use, so that what is
/// declared and what is enforced cannot differ.
enum SchemaCheck {
    struct Problem: Sendable, Hashable {
        /// Path of the member, such as `constants[2].key`.
        let field: String
        let text: String
    }

    /// Nil when the value is valid.
    static func problem(with value: JSONValue, under schema: JSONValue) -> Problem? { check(value, schema, "") }

    private static func check(_ value: JSONValue, _ schema: JSONValue, _ path: String) -> Problem? {
        let name = path.isEmpty ? "arguments" : path
        func problem(_ text: String) -> Problem { Problem(field: name, text: "\(name) \(text)") }

        if let types = schema["type"].map({ $0.array?.compactMap(\.string) ?? [$0.string ?? ""] }),
            !types.contains(where: { isType($0, value) })
        {
            return problem("must be \(types.joined(separator: " or "))")
        }
        if let choices = schema["enum"]?.array, !choices.contains(value) {
            return problem("must be one of \(choices.map(\.text).joined(separator: ", "))")
        }
        if let alternatives = schema["anyOf"]?.array, !alternatives.contains(where: { check(value, $0, path) == nil }) {
            return alternatives.compactMap { check(value, $0, path) }.first
        }
        switch value {
        case .string(let text): if let text = checkText(text, schema) { return problem(text) }
        case .number(let number):
            if let minimum = schema["minimum"]?.double, number.double < minimum {
                return problem("must be at least \(schema["minimum"]?.text ?? "")")
            }
            if let maximum = schema["maximum"]?.double, number.double > maximum {
                return problem("must be at most \(schema["maximum"]?.text ?? "")")
            }
        case .array(let elements): return checkElements(elements, schema, path) ?? checkCount(elements.count, schema).map(problem)
        case .object(let object): return checkMembers(object, schema, path)
        default: break
        }
        return nil
    }

    private static func isType(_ name: String, _ value: JSONValue) -> Bool {
        switch name {
        case "object": value.object != nil
        case "array": value.array != nil
        case "string": value.string != nil
        case "integer": value.int != nil
        case "number": value.double != nil
        case "boolean": value.bool != nil
        case "null": value.isNull
        default: false
        }
    }

    private static func checkText(_ text: String, _ schema: JSONValue) -> String? {
        let count = text.unicodeScalars.count
        if let least = schema["minLength"]?.int, count < least {
            return least == 1 ? "must not be empty" : "must have at least \(least) characters"
        }
        if let most = schema["maxLength"]?.int, count > most { return "must have at most \(most) characters" }
        if let pattern = schema["pattern"]?.string, let expression = try? Regex(pattern), text.firstMatch(of: expression) == nil {
            return "must match \(pattern)"
        }
        return nil
    }

    private static func checkCount(_ count: Int, _ schema: JSONValue) -> String? {
        if let least = schema["minItems"]?.int, count < least { return "must have at least \(least) elements" }
        if let most = schema["maxItems"]?.int, count > most { return "must have at most \(most) elements" }
        return nil
    }

    private static func checkElements(_ elements: [JSONValue], _ schema: JSONValue, _ path: String) -> Problem? {
        guard let items = schema["items"] else { return nil }
        for (index, element) in elements.enumerated() {
            if let problem = check(element, items, "\(path)[\(index)]") { return problem }
        }
        return nil
    }

    private static func checkMembers(_ object: JSONObject, _ schema: JSONValue, _ path: String) -> Problem? {
        func place(_ name: String) -> String { path.isEmpty ? name : "\(path).\(name)" }
        for name in schema["required"]?.array?.compactMap(\.string) ?? [] where object[name] == nil {
            return Problem(field: place(name), text: "\(place(name)) is required")
        }
        let properties = schema["properties"]?.object ?? JSONObject()
        for member in object.members {
            if let declared = properties[member.key] {
                if let problem = check(member.value, declared, place(member.key)) { return problem }
            } else if let others = schema["additionalProperties"] {
                if others == false {
                    return Problem(field: place(member.key), text: "\(place(member.key)) is not an argument of this tool")
                }
                if others.object != nil, let problem = check(member.value, others, place(member.key)) { return problem }
            }
        }
        return nil
    }
}
