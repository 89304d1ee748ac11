/// Why the vault could not do what was asked. Holds no key material.
package struct VaultError: Error, Sendable, Hashable, CustomStringConvertible {
    package enum Code: String, Sendable {
        /// The root key file does not exist.
        case missing
        /// The root key file can be read by others, is no plain file, or belongs to somebody else.
        case exposed
        /// The root key is short, malformed, or evidently a placeholder.
        case weak
        /// A file of that name exists; it is never overwritten.
        case exists
        /// The root key is not the one the vault was made with.
        case wrongRootKey = "wrong_root_key"
        /// A record was altered, or moved from another row (VLT-2).
        case notAuthentic = "not_authentic"
        /// The credential is empty or too long.
        case malformed
        case unknownUser = "unknown_user"
        /// The store is busy or closed: nothing happened.
        case unavailable
        /// The disk refused the write.
        case cannotWrite = "cannot_write"
        case internalError = "internal_error"
    }

    package let code: Code
    /// For the operator; says what to do next where something can be done.
    package let message: String

    package init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    package var description: String { "\(code.rawValue): \(message)" }
}
