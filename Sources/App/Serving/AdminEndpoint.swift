import HTTP
import OAuth
import Primitives
import Proxy

/// The admin listener, loopback only and without authentication: life, readiness with reasons, version (contract §3).
struct AdminEndpoint: Responder {
    let workspace: Workspace
    let readiness: Readiness
    var upstreams: [Upstream] = []

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
        var answer: JSONValue = ["status": reasons.isEmpty ? "ready" : "not ready", "reasons": .array(reasons)]
        // One server that fails is no reason to take the others from everybody.
        if !upstreams.isEmpty, var object = answer.object {
            object["upstreams"] = .object(JSONObject(upstreams.map { ($0.name, .string($0.health)) }))
            answer = .object(object)
        }
        return .json(
            answer,
            status: reasons.isEmpty ? .ok : .serviceUnavailable)
    }
}
