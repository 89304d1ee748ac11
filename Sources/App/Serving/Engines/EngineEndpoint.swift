import HTTP
import MCP
import Primitives
import Proxy

/// What answers at an engine's path: tools of our own, or another server's.
protocol EngineEndpoint: Sendable {
    func respond(to request: Request, caller: Principal?, in context: RequestContext) async -> Response
}

extension MCPEndpoint: EngineEndpoint {}
extension ProxyEndpoint: EngineEndpoint {}
