import HTTP
import OAuth
import Primitives
import Proxy

/// The admin listener, loopback only and without authentication: life, readiness with reasons, metrics, version (contract §3).
struct AdminEndpoint: Responder {
    let workspace: Workspace
    let readiness: Readiness
    var upstreams: [Upstream] = []
    var metrics: MetricsReport?
    var events: EventMetrics?

    func bodyLimit(for request: Request) -> Int { 0 }

    func respond(to request: Request, in context: RequestContext) async -> Response {
        guard request.isRead else { return Response.text("Use GET.\n", status: .methodNotAllowed).with(.allow, "GET, HEAD") }
        switch request.path {
        case "/health": return .json(["status": "ok"])
        case "/version": return .json(["version": .string(Version.current)])
        case "/ready": return await judgeReadiness()
        case "/metrics":
            guard let metrics else { return .json(["error": "not_found"], status: .notFound) }
            return Response(
                .ok, fields: [(.contentType, PrometheusText.contentType), (.cacheControl, "no-store")],
                body: .bytes(Array(metrics.text(isReady: await reasons().isEmpty).utf8)))
        default: return .json(["error": "not_found"], status: .notFound)
        }
    }

    /// Why no work should come here; empty when it may. Each is looked at anew, so that what mends itself turns green by itself.
    private func reasons() async -> [String] {
        var reasons = readiness.isDraining ? ["draining"] : []
        do { _ = try await workspace.users.user(UserID("readiness")) } catch { reasons.append("the database cannot be read") }
        if events?.isFailing(at: .now()) ?? false { reasons.append("the audit log cannot be written") }
        let folders = [("database", workspace.configuration.databasePath), ("audit log", workspace.configuration.audit.path)]
        for (what, path) in folders where (Files.freeBytes(at: path) ?? .max) < Self.leastFree {
            reasons.append("the disk of the \(what) is full")
        }
        return reasons
    }

    /// Below this a commit may fail.
    private static let leastFree = 1 << 20

    private func judgeReadiness() async -> Response {
        let reasons = await reasons().map { JSONValue.string($0) }
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
