/// A JSON value as a tree. Objects keep the order of their members; numbers keep their text.
package enum JSONValue: Sendable, Hashable {
    case null
    case bool(Bool)
    case number(JSONNumber)
    case string(String)
    case array([JSONValue])
    case object(JSONObject)

    /// Parses one JSON text. - Throws: `JSONError`, as `JSONDocument` does.
    package init(parsing bytes: [UInt8]) throws(JSONError) {
        self = try JSONDocument(parsing: bytes).root.value
    }

    /// Parses one JSON text. - Throws: `JSONError`.
    package init(parsing text: String) throws(JSONError) { try self.init(parsing: Array(text.utf8)) }

    package var string: String? { if case .string(let value) = self { value } else { nil } }
    package var bool: Bool? { if case .bool(let value) = self { value } else { nil } }
    package var int: Int? { if case .number(let value) = self { value.int } else { nil } }
    package var double: Double? { if case .number(let value) = self { value.double } else { nil } }
    package var array: [JSONValue]? { if case .array(let value) = self { value } else { nil } }
    package var object: JSONObject? { if case .object(let value) = self { value } else { nil } }
    package var isNull: Bool { self == .null }

    /// The member of an object; nil when absent or not an object.
    package subscript(key: String) -> JSONValue? { object?[key] }

    /// The number of an integer.
    package static func int(_ value: some BinaryInteger) -> JSONValue { .number(JSONNumber(Int64(value))) }

    /// The number of a finite double; `null` for what JSON cannot say.
    package static func double(_ value: Double) -> JSONValue { value.isFinite ? .number(JSONNumber(value)) : .null }

    /// An array of strings.
    package static func strings(_ values: some Sequence<String>) -> JSONValue { .array(values.map { .string($0) }) }

    /// The string, or `null`.
    package static func string(orNull value: String?) -> JSONValue { value.map { .string($0) } ?? .null }
}

extension JSONValue: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral, ExpressibleByBooleanLiteral, ExpressibleByNilLiteral,
    ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral, ExpressibleByFloatLiteral
{
    package init(stringLiteral value: String) { self = .string(value) }
    package init(integerLiteral value: Int) { self = .int(value) }
    package init(floatLiteral value: Double) { self = .double(value) }
    package init(booleanLiteral value: Bool) { self = .bool(value) }
    package init(nilLiteral: ()) { self = .null }
    package init(arrayLiteral elements: JSONValue...) { self = .array(elements) }
    package init(dictionaryLiteral elements: (String, JSONValue)...) {
        var object = JSONObject()
        for (key, value) in elements { object[key] = value }  // a literal has few members: no table of keys
        self = .object(object)
    }
}

/// A number as it was written: nothing is rounded until somebody asks for a machine type.
package struct JSONNumber: Sendable, Hashable {
    package let text: String

    /// The text must be a JSON number.
    init(text: String) { self.text = text }
    package init(_ value: Int64) { text = String(value) }
    package init(_ value: Double) {
        text = value.rounded() == value && abs(value) < 1e15 ? String(Int64(value)) + ".0" : "\(value)"
    }

    /// Nil unless the value is exactly an `Int`; `1.0` and `1e2` are.
    package var int: Int? {
        if let value = Int(text) { return value }
        guard let value = Double(text) else { return nil }
        return Int(exactly: value)
    }

    package var double: Double { Double(text) ?? .nan }
}

/// The members of an object in their order. Keys are unique.
package struct JSONObject: Sendable, Hashable {
    package private(set) var members: [Member]

    package struct Member: Sendable, Hashable {
        package let key: String
        package var value: JSONValue
    }

    package init() { members = [] }

    /// Later members of the same key replace earlier ones.
    package init(_ pairs: some Sequence<(String, JSONValue)>) {
        members = []
        var places: [String: Int] = [:]
        for (key, value) in pairs {
            if let place = places[key] {
                members[place].value = value
            } else {
                places[key] = members.count
                members.append(Member(key: key, value: value))
            }
        }
    }

    /// Members whose keys are known to be unique, such as those of a parsed document.
    init(unique members: [Member]) { self.members = members }

    package var isEmpty: Bool { members.isEmpty }
    package var count: Int { members.count }
    package var keys: [String] { members.map(\.key) }

    /// Assigning nil removes the member.
    package subscript(key: String) -> JSONValue? {
        get { members.first { $0.key == key }?.value }
        set {
            if let index = members.firstIndex(where: { $0.key == key }) {
                if let newValue { members[index].value = newValue } else { members.remove(at: index) }
            } else if let newValue {
                append(key, newValue)
            }
        }
    }

    /// Appends without looking for an earlier member: for builders whose keys are fixed.
    package mutating func append(_ key: String, _ value: JSONValue) {
        if members.isEmpty { members.reserveCapacity(8) }
        members.append(Member(key: key, value: value))
    }
}
