internal import Primitives

/// Keeps results below what clients accept, and says so when something was cut.
enum ResultSize {
    /// Characters of one result as JSON; hosts cut off at about 150 000.
    static let limit = 100_000

    /// Halves the largest list or text until the whole fits; `truncated` is then true and `truncated_members` names what was cut.
    static func fitted(_ value: JSONValue) -> JSONValue {
        guard case .object(var object) = value, value.serialized.count > limit else { return value }
        var names: [String] = []
        while JSONValue.object(object).serialized.count > limit - 1000 {
            guard let cut = halved(.object(object), path: []) else { break }
            guard case .object(let smaller) = cut.value else { break }
            object = smaller
            let name = cut.path.joined(separator: ".")
            if !names.contains(name) { names.append(name) }
        }
        object["truncated"] = true
        object["truncated_members"] = .array(names.map { .string($0) })
        object["truncation_hint"] = "Ask for less at a time: a smaller limit, one instance, a prefix, a narrower filter."
        return .object(object)
    }

    /// Follows the largest member of each object down to a list or a text. Nil when there is nothing left to cut.
    private static func halved(_ value: JSONValue, path: [String]) -> (value: JSONValue, path: [String])? {
        switch value {
        case .object(var object):
            let largest = object.members.max { $0.value.serialized.count < $1.value.serialized.count }
            guard let largest, let cut = halved(largest.value, path: path + [largest.key]) else { return nil }
            object[largest.key] = cut.value
            return (.object(object), cut.path)
        case .array(let elements) where elements.count > 1: return (.array(Array(elements.prefix(elements.count / 2))), path)
        case .array(let elements):
            guard let first = elements.first, let cut = halved(first, path: path) else { return nil }
            return (.array([cut.value]), cut.path)
        case .string(let text) where text.utf8.count > 100:
            return (.string(String(decoding: tail(Array(text.utf8), text.utf8.count / 2), as: UTF8.self)), path)
        default: return nil
        }
    }

    /// The last bytes of a text, starting at a whole character.
    static func tail(_ bytes: [UInt8], _ count: Int) -> [UInt8] {
        guard bytes.count > count else { return bytes }
        return Array(bytes.suffix(count).drop { $0 & 0xC0 == 0x80 })
    }
}
