internal import HTTP
internal import MCP
internal import Primitives

/// The fixture's one path, behind the checks a loopback server owes against DNS rebinding (mcp.md §6).
struct LoopbackSite: Responder {
    let endpoint: MCPEndpoint

    func bodyLimit(for request: Request) -> Int { 4 << 20 }

    func respond(to request: Request, in context: RequestContext) async -> Response {
        guard Self.isLoopback(request.fields.single(.host)) else {
            return refuse(.misdirectedRequest, "This host is not served here.")
        }
        if request.fields.contains(.origin) {
            let origin = request.fields.single(.origin).flatMap(URLReference.init)
            guard let origin, Self.isLoopback(origin.host) else { return refuse(.forbidden, "This origin is not allowed.") }
        }
        guard request.path == "/mcp" || request.path == "/mcp/" else { return refuse(.notFound, "There is nothing here but /mcp.") }
        if request.method == .options {
            return Response(.noContent, fields: [(.allow, "GET, POST, DELETE, OPTIONS")])
        }
        return await endpoint.respond(to: request, caller: nil, in: context)
    }

    /// Names of this machine, with any port.
    private static func isLoopback(_ authority: String?) -> Bool {
        guard let authority = authority?.lowercased() else { return false }
        return ["localhost", "127.0.0.1", "[::1]", "::1"].contains { authority == $0 || authority.hasPrefix($0 + ":") }
    }

    private func refuse(_ status: Status, _ text: String) -> Response {
        .json(["jsonrpc": "2.0", "error": ["code": -32600, "message": .string(text)]], status: status)
    }
}
