package import Primitives

/// A JSON-RPC error object.
package struct RPCError: Error, Sendable, Hashable {
    /// Numbers of JSON-RPC 2.0 and of MCP 2026-07-28; wire format.
    package enum Code: Int, Sendable {
        case parseError = -32700
        case invalidRequest = -32600
        case methodNotFound = -32601
        case invalidParams = -32602
        case internalError = -32603
        /// A header and the body of a 2026-07-28 request disagree.
        case headerMismatch = -32020
        case missingClientCapability = -32021
        case unsupportedVersion = -32022
        /// Of the older revisions alone; 2026-07-28 has `invalidParams` for it.
        case legacyResourceNotFound = -32002
        /// Ours: the call was refused before it ran (limit, permission, audit unavailable).
        case refused = 4290
        case forbidden = 4030
        case unavailable = 5030
    }

    package let code: Code
    package let message: String
    package let data: JSONValue?

    package init(_ code: Code, _ message: String, data: JSONValue? = nil) {
        self.code = code
        self.message = message
        self.data = data
    }

    package var json: JSONValue {
        var object = JSONObject()
        object.append("code", .int(code.rawValue))
        object.append("message", .string(message))
        if let data { object.append("data", data) }
        return .object(object)
    }
}
