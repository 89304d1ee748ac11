internal import Primitives

/// The flat schemas of forms (mcp.md §5): whether what a client sent as content is what was asked for.
enum FormSchema {
    /// True when every required field is there and every field is of its kind. Fields nobody asked for are let through.
    static func accepts(_ content: JSONObject, _ schema: JSONValue) -> Bool {
        for name in schema["required"]?.array ?? [] where name.string.flatMap({ content[$0] }) == nil { return false }
        return (schema["properties"]?.object?.members ?? []).allSatisfy { field in
            content[field.key].map { accepts($0, field: field.value) } ?? true
        }
    }

    private static func accepts(_ value: JSONValue, field: JSONValue) -> Bool {
        switch field["type"]?.string {
        case "string":
            guard let text = value.string else { return false }
            return isWithin(Double(text.unicodeScalars.count), field["minLength"], field["maxLength"]) && isChosen(value, field)
        case "number":
            guard case .number(let number) = value else { return false }
            return isWithin(number.double, field["minimum"], field["maximum"])
        case "integer":
            guard let number = value.int else { return false }
            return isWithin(Double(number), field["minimum"], field["maximum"])
        case "boolean": return value.bool != nil
        case "array":
            guard let items = value.array else { return false }
            return isWithin(Double(items.count), field["minItems"], field["maxItems"])
                && items.allSatisfy { $0.string != nil && isChosen($0, field["items"] ?? [:]) }
        default: return true
        }
    }

    private static func isWithin(_ number: Double, _ least: JSONValue?, _ most: JSONValue?) -> Bool {
        number >= least?.double ?? -.infinity && number <= most?.double ?? .infinity
    }

    /// One of the choices, in any of the ways a form has to name them; anything where there are none.
    private static func isChosen(_ value: JSONValue, _ field: JSONValue) -> Bool {
        if let plain = field["enum"]?.array { return plain.contains(value) }
        if let titled = (field["oneOf"] ?? field["anyOf"])?.array { return titled.contains { $0["const"] == value } }
        return true
    }
}
