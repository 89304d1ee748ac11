package import Primitives

/// One JSON-RPC message as received, its parts still in place in the document.
package final class RPCMessage: Sendable {
    package enum Kind: Sendable { case request, notification, response }

    package let kind: Kind
    /// Nil for notifications.
    package let id: RPCID?
    package let method: String
    package let params: JSONView?
    /// The request's `_meta`.
    package let meta: JSONView?
    /// What a response brings; nil for an error, and for everything but responses.
    let result: JSONView?

    /// - Throws: `.invalidRequest` when it is no JSON-RPC 2.0 message.
    package init(_ view: JSONView) throws(RPCError) {
        guard view.isObject, view["jsonrpc"]?.equals("2.0") == true else {
            throw RPCError(.invalidRequest, "The body is not a JSON-RPC 2.0 message.")
        }
        let idView = view["id"]
        guard let methodView = view["method"] else {
            guard view["result"] != nil || view["error"] != nil else {
                throw RPCError(.invalidRequest, "The message has no method.")
            }
            (kind, id, method, params, meta) = (.response, idView.flatMap(RPCID.init), "", nil, nil)
            result = view["result"]
            return
        }
        guard let method = methodView.string else { throw RPCError(.invalidRequest, "The method must be a string.") }
        self.method = method
        result = nil
        params = view["params"]
        meta = params?["_meta"]
        if let params, !params.isObject { throw RPCError(.invalidRequest, "The params must be an object.") }
        guard let idView else {
            (kind, id) = (.notification, nil)
            return
        }
        guard let id = RPCID(idView) else { throw RPCError(.invalidRequest, "The id must be a string or an integer.") }
        (kind, self.id) = (.request, id)
    }
}

/// A request id, echoed exactly: `1` and `"1"` are different ids.
package struct RPCID: Sendable, Hashable {
    package let value: JSONValue

    /// Nil unless a string or an integer.
    package init?(_ view: JSONView) {
        guard view.isString || view.int != nil else { return nil }
        value = view.value
    }
}

/// Builds what goes back.
package enum RPCReply {
    package static func result(_ result: JSONValue, id: RPCID) -> [UInt8] {
        var out = ByteWriter(capacity: 960)
        out.append("{\"jsonrpc\":\"2.0\",\"id\":")
        out.append(json: id.value)
        out.append(",\"result\":")
        out.append(json: result)
        out.append("}")
        return out.bytes
    }

    /// The answer of `tools/call`.
    /// - Parameter meta: as for `ByteWriter.append(_:meta:)`.
    static func result(_ result: ToolResult, meta: [UInt8]?, id: RPCID) -> [UInt8] {
        var out = ByteWriter(capacity: 960)
        out.append("{\"jsonrpc\":\"2.0\",\"id\":")
        out.append(json: id.value)
        out.append(",\"result\":")
        out.append(result, meta: meta)
        out.append("}")
        return out.bytes
    }

    package static func error(_ error: RPCError, id: RPCID?) -> [UInt8] {
        var out = ByteWriter()
        out.append("{\"jsonrpc\":\"2.0\",")
        if let id {
            out.append("\"id\":")
            out.append(json: id.value)
            out.append(",")
        }
        out.append("\"error\":")
        out.append(json: error.json)
        out.append("}")
        return out.bytes
    }

    package static func notification(_ method: String, _ params: JSONValue) -> [UInt8] {
        let message: JSONValue = ["jsonrpc": "2.0", "method": .string(method), "params": params]
        return message.serialized
    }
}
