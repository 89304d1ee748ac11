internal import MCP
internal import Primitives

/// Why an upstream could not answer, in words for the person or model who asked. Nothing of what the upstream said goes in.
package struct ProxyFailure: Error, Sendable, Equatable {
    package enum Code: String, Sendable {
        case keyMissing = "key_missing"
        case keyRejected = "key_rejected"
        /// The vault or the audit log did not let the key out.
        case keyUnavailable = "key_unavailable"
        /// Nobody answers there, or its certificate is not trusted.
        case unreachable
        case slow
        case tooLarge = "too_large"
        /// Not HTTP, not JSON-RPC, or cut off.
        case broken
        /// 429, or too many calls of ours.
        case busy
        /// Another status that is no success.
        case refused
        /// Failed too often lately to be asked now.
        case resting
        case cancelled
        /// Needs something the caller's client cannot do.
        case unsupported
        /// The upstream knows our session no longer.
        case sessionGone = "session_gone"
    }

    package let code: Code
    package let message: String
    /// The status of the upstream, where one came.
    package let status: Int?

    package init(_ code: Code, _ message: String, status: Int? = nil) {
        self.code = code
        self.message = message
        self.status = status
    }

    /// The error object where no tool result can carry the words.
    var rpcError: RPCError { RPCError(.unavailable, message, data: ["reason": .string(code.rawValue)]) }
}
