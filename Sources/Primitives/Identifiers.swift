/// An identifier that is text on the wire and in the database, distinct from every other kind of text.
package protocol TextIdentifier: Sendable, Hashable, Comparable, CustomStringConvertible {
    var text: String { get }
    init(_ text: String)
}

extension TextIdentifier {
    package var description: String { text }
    package func hash(into hasher: inout Hasher) { hasher.combine(TextHash.value(of: text)) }
    package static func < (a: Self, b: Self) -> Bool { a.text < b.text }
}

/// A user, by a random id that survives renaming; audit records name it as `subject`.
package struct UserID: TextIdentifier {
    package let text: String
    package init(_ text: String) { self.text = text }
}

/// An OAuth client: generated, or the https URL of its metadata document (CLI-1).
package struct ClientID: TextIdentifier {
    package let text: String
    package init(_ text: String) { self.text = text }
}

/// One authorization a user gave to a client: the family of all tokens issued from it.
package struct GrantID: TextIdentifier {
    package let text: String
    package init(_ text: String) { self.text = text }
}

/// What a user allowed a client, remembered: the ground a code stands on (AZ-16).
package struct ConsentID: TextIdentifier {
    package let text: String
    package init(_ text: String) { self.text = text }
}

/// Our own id of one HTTP request, on every log line, audit record and error answer (COM-7).
package struct RequestID: TextIdentifier {
    package let text: String
    package init(_ text: String) { self.text = text }
}
