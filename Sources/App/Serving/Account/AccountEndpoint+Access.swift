import HTTP
import OAuth
import Primitives

/// What was let in: applications, sessions, personal tokens (CON-4, WEB-5).
extension AccountEndpoint {
    func revokeGrant(_ ask: Ask) async throws -> Response {
        let grants = try await server.grants.grants(of: ask.user.id, at: ask.now)
        guard let found = grants.first(where: { $0.grant.id.text == ask.field("id") }) else {
            return try await show(ask, "That application had no access any more.")
        }
        let event = Event(
            "grant.revoked", reason: "account", client: found.grant.clientID, grant: found.grant.id, resource: found.grant.resource)
        guard await isRecorded(event, ask) else { return unrecorded(ask.context) }
        _ = try await server.grants.revoke(found.grant.id, at: ask.now)
        try await server.consents.forget(user: ask.user.id, client: found.grant.clientID)
        return try await show(ask, "\(found.clientName) has no access any more.")
    }

    func endSession(_ ask: Ask) async throws -> Response {
        guard await isRecorded(Event("session.revoked", reason: "account"), ask) else { return unrecorded(ask.context) }
        let wasThere = try await sessionStore.remove(id: ask.field("id") ?? "", of: ask.user.id, at: ask.now)
        guard try await sessions.current(ask.request, at: ask.now) != nil else {
            return AuthorizationFlow.redirect(to: issuer + "/login")
        }
        return try await show(ask, wasThere ? "The session is ended." : "That session had ended before.")
    }

    func revokeToken(_ ask: Ask) async throws -> Response {
        let tokens = try await server.tokens.tokens(of: ask.user.id, at: ask.now)
        guard let found = tokens.first(where: { $0.id == ask.field("id") && $0.credential == .personalToken }) else {
            return try await show(ask, "That token had ended before.")
        }
        guard await isRecorded(Event("token.revoked", reason: "account"), ask) else { return unrecorded(ask.context) }
        _ = try await server.tokens.revoke(id: found.id, at: ask.now)
        return try await show(ask, "The token \(found.name ?? found.id) is revoked.")
    }
}
