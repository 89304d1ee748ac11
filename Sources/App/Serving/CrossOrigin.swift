import HTTP

/// Which web pages may call which route (COM-8, RS-1; mcp.md §6).
struct CrossOrigin: Sendable {
    private let allowed: Set<String>

    /// - Parameters:
    ///   - origin: our own.
    ///   - allowed: others that may call the MCP endpoints from a page.
    init(origin: String, allowed: [String]) { self.allowed = Set([origin] + allowed) }

    private static let exposed =
        "WWW-Authenticate, Mcp-Session-Id, MCP-Protocol-Version, DPoP-Nonce, Retry-After, RateLimit, RateLimit-Policy, X-Request-Id"
    private static let headers =
        "Authorization, Content-Type, Accept, MCP-Protocol-Version, Mcp-Session-Id, Last-Event-ID, Mcp-Method, Mcp-Name, DPoP, "
        + "X-API-Key, traceparent, tracestate, baggage"

    /// False when a web page of a strange origin calls: DNS rebinding looks like this (RS-1).
    func permits(_ request: Request) -> Bool {
        guard request.fields.contains(.origin) else { return true }
        guard let origin = request.fields.single(.origin) else { return false }
        return allowed.contains(origin)
    }

    /// The answer to `OPTIONS`, before any authentication.
    func preflight(_ request: Request) -> Response {
        var names = Self.headers
        // Requested `Mcp-Param-*` names are echoed one by one: a wildcard would not cover `Authorization`.
        for name in (request.fields[FieldName("access-control-request-headers")] ?? "").prefix(2048).split(separator: ",") {
            let trimmed = name.drop { $0 == " " }
            if trimmed.lowercased().hasPrefix("mcp-param-"), trimmed.utf8.allSatisfy(Token.isCharacter) { names += ", \(trimmed)" }
        }
        return Response(
            .noContent,
            fields: [
                (FieldName("access-control-allow-origin"), "*"),
                (FieldName("access-control-allow-methods"), "GET, POST, DELETE, OPTIONS"),
                (FieldName("access-control-allow-headers"), names), (FieldName("access-control-max-age"), "600"),
            ])
    }

    /// Lets the calling page read the answer. No credentials mode: tokens travel in headers, never in cookies.
    func decorate(_ response: inout Response, for request: Request) {
        guard request.fields.contains(.origin) else { return }
        response.fields.append(FieldName("access-control-allow-origin"), "*")
        response.fields.append(FieldName("access-control-expose-headers"), Self.exposed)
    }
}
