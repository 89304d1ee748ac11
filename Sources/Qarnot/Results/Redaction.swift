internal import Primitives

/// Cleans what goes back to a client.
enum Redaction {
    static let mask = "[REDACTED]"
    /// Shorter keys are not looked for: they would match ordinary text.
    private static let shortestKey = 8
    /// What Qarnot writes for "never".
    private static let never = "0001-01-01T00:00:00Z"

    /// Replaces the caller's own key wherever it stands (VLT-4): a task may print its environment.
    static func clean(_ value: JSONValue, of key: Secret) -> JSONValue {
        guard key.count >= shortestKey else { return value }
        return key.expose { bytes in clean(value, bytes) }
    }

    private static func clean(_ value: JSONValue, _ key: [UInt8]) -> JSONValue {
        switch value {
        case .string(let text): .string(clean(text, key))
        case .array(let elements): .array(elements.map { clean($0, key) })
        case .object(let object): .object(JSONObject(object.members.map { (clean($0.key, key), clean($0.value, key)) }))
        default: value
        }
    }

    private static func clean(_ text: String, _ key: [UInt8]) -> String {
        let bytes = Array(text.utf8)
        guard bytes.count >= key.count else { return text }
        var out: [UInt8] = []
        var copied = 0
        var place = 0
        while place <= bytes.count - key.count {
            if bytes[place] == key[0], bytes[place..<place + key.count].elementsEqual(key) {
                out.append(contentsOf: bytes[copied..<place])
                out.append(utf8: mask)
                place += key.count
                copied = place
            } else {
                place += 1
            }
        }
        guard copied > 0 else { return text }
        out.append(contentsOf: bytes[copied...])
        return String(decoding: out, as: UTF8.self)
    }

    /// A task as Qarnot returned it: "never" becomes null, and secret constants are masked here too.
    static func task(_ value: JSONValue) -> JSONValue {
        switch value {
        case .string(never): return .null
        case .array(let elements): return .array(elements.map(task))
        case .object(let object):
            var out = JSONObject(object.members.map { ($0.key, task($0.value)) })
            if let key = out["key"]?.string, key.hasPrefix("QARNOT_SECRET__"), out["value"] != nil { out["value"] = "[SECRET]" }
            return .object(out)
        default: return value
        }
    }
}
