/// Why an outbound request brought no answer.
package struct ClientError: Error, Sendable, Hashable, CustomStringConvertible {
    package enum Code: String, Sendable {
        /// The host name has no address.
        case resolve
        /// Nobody answered there, or the connection was refused.
        case connect
        /// The peer's certificate or protocol was refused.
        case tls
        /// The connect or the total time was over.
        case timeout
        /// The answer was longer than allowed.
        case tooLarge = "too_large"
        /// The task that asked was cancelled.
        case cancelled
        /// Too many requests are waiting already, or the client has stopped.
        case busy
        /// The URL or a field cannot be sent.
        case invalidRequest = "invalid_request"
        /// The connection broke, or what came was no HTTP.
        case transport
    }

    package let code: Code
    /// False when nothing of the request can have reached the peer, so that even a POST may be sent again.
    package let mayHaveBeenSent: Bool
    /// libcurl's words for it; never holds any part of the request.
    package let detail: String

    package init(_ code: Code, mayHaveBeenSent: Bool = false, detail: String = "") {
        self.code = code
        self.mayHaveBeenSent = mayHaveBeenSent
        self.detail = detail
    }

    package var description: String { detail.isEmpty ? code.rawValue : "\(code.rawValue): \(detail)" }
}
