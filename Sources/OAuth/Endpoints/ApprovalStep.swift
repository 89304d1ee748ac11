internal import HTTP
internal import Primitives

/// Clients nobody registered by hand may have to wait for an administrator (CON-4).
extension AuthorizationFlow {
    /// Requests of one user for clients that wait; of more the oldest go.
    static let requestsPerUser = 20

    func mustWait(_ client: Client) -> Bool { settings.mustWait(client) }

    /// What a signed-in person is asked: whether the client may, or to wait until an administrator has said so.
    func question(
        _ transaction: LoginTransaction, _ client: Client, _ user: User, at now: Timestamp
    ) async throws(StoreError) -> Response {
        guard mustWait(client) else { return consentPage(transaction, client, user, at: now, notice: nil) }
        let ask = transaction.request
        let host = RedirectURI.displayHost(ask.redirectURI)
        let scopes = ask.scopes.bounded(by: user.role)
        let isNew = try await server.approvals.ask(
            for: client.id, user: user.id, redirectHost: host, scopes: scopes, perUser: Self.requestsPerUser, at: now)
        let page = pages.waiting(WaitingPage(transactionID: transaction.id, clientName: client.name, redirectHost: host))
        guard isNew else { return page }
        return page.recording(
            Event(
                "consent.required", .denied, reason: "CON-4", subject: user.name, client: client.id, resource: ask.resource,
                scopes: scopes.description, details: [("redirect_host", .string(host))]))
    }
}

extension OAuthSettings {
    /// Whether an administrator has to approve the client before anybody may use it.
    func mustWait(_ client: Client) -> Bool {
        requiresClientApproval && client.kind != .preregistered && client.approvedAt == nil
    }
}
