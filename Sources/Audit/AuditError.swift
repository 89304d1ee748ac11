/// Why the audit log could not take or give records. The raw values are stable.
package struct AuditError: Error, Sendable, Hashable, CustomStringConvertible {
    package enum Code: String, Sendable {
        /// The disk is full or failing; nothing of the batch remains.
        case cannotWrite = "cannot_write"
        case cannotRead = "cannot_read"
        /// The queue stayed full, or the disk did not answer in time. Records just being written may still appear.
        case overloaded
        /// The log was closed before the records came.
        case closed
        /// Whoever signs checkpoints does not answer, or cannot.
        case noSigner = "no_signer"
    }

    package let code: Code
    /// For the person who repairs it: the file and what the system said.
    package let description: String

    package init(_ code: Code, _ description: String = "") {
        self.code = code
        self.description = description.isEmpty ? code.rawValue : description
    }

    /// Equal when the codes are: descriptions are for people.
    package static func == (a: AuditError, b: AuditError) -> Bool { a.code == b.code }
    package func hash(into hasher: inout Hasher) { hasher.combine(code) }
}
