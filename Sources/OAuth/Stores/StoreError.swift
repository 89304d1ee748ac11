/// Why a store could not do what was asked. Domain outcomes (unknown, used, expired) are return values, never errors.
package struct StoreError: Error, Sendable, CustomStringConvertible {
    package enum Code: String, Sendable {
        /// Busy, full queue, closed: the caller answers 503 and nothing happened (COM-11).
        case unavailable
        /// The disk refused the write.
        case cannotWrite = "cannot_write"
        /// A unique name is taken.
        case conflict
        /// The file is not ours, damaged or from a newer version.
        case incompatible
        case internalError = "internal_error"
    }

    package let code: Code
    /// For the operator; holds no values of rows.
    package let message: String

    package init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    package var description: String { "\(code.rawValue): \(message)" }
}
