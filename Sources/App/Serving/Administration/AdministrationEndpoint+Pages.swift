import HTTP
import OAuth
import Primitives

/// What `/admin` shows, as it stands now.
extension AdministrationEndpoint {
    func show(_ view: View, _ ask: Ask, _ message: AccountPage.Message?) async throws -> Response {
        let (cookie, token) = token(ask)
        let page = AdminPage(token: token, username: ask.user.name, message: message)
        let response: Response
        switch view {
        case .overview:
            response = pages.adminOverview(
                page, requests: Array(try await approvals.pending().prefix(Self.rowLimit)), events: await security.recent())
        case .users:
            let users = try await server.users.users()
            response = pages.adminUsers(page, users: Array(users.prefix(Self.rowLimit)), count: users.count)
        case .user(let name):
            guard let user = try await server.users.user(named: name) else {
                return try await show(.users, ask, .problem("There is no such user."))
            }
            response = pages.adminUser(
                page, user: user, kinds: try await account.factor.kinds(of: user),
                grants: try await server.grants.grants(of: user.id, at: ask.now).count,
                sessions: try await account.sessionStore.sessions(of: user.id, at: ask.now))
        case .clients:
            let clients = try await server.clients.clients()
            response = pages.adminClients(page, clients: Array(clients.prefix(Self.rowLimit)), count: clients.count)
        case .sessions:
            let sessions = try await account.sessionStore.sessions(of: nil, at: ask.now)
            response = pages.adminSessions(page, sessions: Array(sessions.prefix(Self.rowLimit)), count: sessions.count)
        }
        return cookie.map { response.with(.setCookie, $0) } ?? response
    }
}
