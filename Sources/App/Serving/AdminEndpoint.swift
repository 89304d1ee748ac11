import HTTP
import OAuth
import Primitives

/// The admin listener, loopback only and without authentication: life, readiness with reasons, version (contract §3).
struct AdminEndpoint: Responder {
    let workspace: Workspace
    let readiness: Readiness

    func bodyLimit(for request: Request) -> Int { 0 }

    func respond(to request: Request, in context: RequestContext) async -> Response {
        guard request.isRead else { return Response.text("Use GET.\n", status: .methodNotAllowed).with(.allow, "GET, HEAD") }
        switch request.path {
        case "/health": return .json(["status": "ok"])
        case "/version": return .json(["version": .string(Version.current)])
        case "/ready": return await judgeReadiness()
        default: return .json(["error": "not_found"], status: .notFound)
        }
    }

    private func judgeReadiness() async -> Response {
        var reasons: [JSONValue] = readiness.isDraining ? ["draining"] : []
        do { _ = try await workspace.users.user(UserID("readiness")) } catch { reasons.append("the database cannot be read") }
        return .json(
            ["status": reasons.isEmpty ? "ready" : "not ready", "reasons": .array(reasons)],
            status: reasons.isEmpty ? .ok : .serviceUnavailable)
    }
}
