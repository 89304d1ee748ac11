internal import Crypto
internal import HTTP
internal import MCP
internal import Primitives

/// The fields of requests to an upstream: all of them ours, none copied from the client (HDR-4, mcp.md §9).
extension Upstream {
    func baseFields(_ origin: RequestOrigin) -> Fields {
        var fields = commonFields
        var forwarded = ByteWriter(capacity: 64)
        forwarded.append(origin.peer.isIPv4 ? "for=" : "for=\"[")
        forwarded.append(address: origin.peer)
        if !origin.peer.isIPv4 { forwarded.append("]\"") }
        fields.append(FieldName("forwarded"), bytes: forwarded)
        // Our own trace of this request: what a client says of one is not trusted (HDR-4).
        let context = TraceContext(origin.requestID)
        var trace = ByteWriter(capacity: 56)
        trace.append("00-")
        trace.append(hexOf: context.traceID)
        trace.append("-")
        trace.append(hexOf: context.spanID)
        trace.append("-01")
        fields.append(FieldName("traceparent"), bytes: trace)
        return fields
    }

    /// - Parameters:
    ///   - name: what `Mcp-Name` mirrors, where the method has such.
    ///   - arguments: mirrored as the tool's schema asks.
    func modernFields(_ method: String, name: String?, _ origin: RequestOrigin, parameters: [MirroredArgument.Value] = []) -> Fields
    {
        var fields = baseFields(origin)
        fields.append(.mcpProtocolVersion, Revision.july2026.rawValue)
        fields.append(.mcpMethod, method)
        if let name { fields.append(.mcpName, Self.encode(name)) }
        for parameter in parameters {
            fields.append(name: "mcp-param-\(parameter.header)".utf8, value: Self.encode(parameter.text).utf8)
        }
        return fields
    }

    func legacyFields(_ session: LegacySession?, _ origin: RequestOrigin) -> Fields {
        var fields = baseFields(origin)
        guard let session else { return fields }
        fields.append(.mcpProtocolVersion, session.version)
        if let id = session.id { fields.append(.mcpSessionID, id) }
        return fields
    }

    /// A value as a mirrored field carries it: plain when it is visible ASCII without outer spaces, else Base64 (mcp.md §3.2).
    static func encode(_ text: String) -> String {
        let isPlain =
            !text.isEmpty && text.utf8.allSatisfy { $0 >= 0x20 && $0 < 0x7F } && !text.hasPrefix("=?base64?")
            && text.utf8.first != 0x20 && text.utf8.last != 0x20
        return isPlain ? text : "=?base64?\(Base64.encode(text.utf8, .standard))?="
    }
}
