internal import COpenSSL

/// Why TLS could not be set up from its files. For whoever configured them.
package struct TLSError: Error, Sendable, CustomStringConvertible {
    package enum Code: String, Sendable {
        case certificate = "tls.certificate"
        case key = "tls.key"
        case clientAuthorities = "tls.client_ca"
        case setup = "tls.setup"
    }

    package let code: Code
    /// The file concerned; empty when none is.
    package let path: String
    /// OpenSSL's reason.
    package let reason: String

    init(_ code: Code, path: String = "") {
        self.code = code
        self.path = path
        reason = takeTLSErrorText()
    }

    package var description: String { "\(code.rawValue): \(path.isEmpty ? "" : path + ": ")\(reason)" }
}

/// Empties the thread's OpenSSL error queue and tells the first entry. The queue being empty before each operation is what
/// `SSL_get_error` relies on, so every failure path of this module ends here (R5).
func takeTLSErrorText() -> String {
    let code = ERR_get_error()
    ERR_clear_error()
    guard code != 0, let reason = unsafe ERR_reason_error_string(code) else { return "unknown" }
    return unsafe String(cString: reason)
}
