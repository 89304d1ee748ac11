import Crypto
import HTTP
import OAuth
import Primitives

/// What administrators change. The record comes first, the change after (AUD-3).
extension AdministrationEndpoint {
    /// A new user, who chooses the first password by a link that works once (PW-3).
    func invite(_ ask: Ask) async throws -> Response {
        let name = (ask.field("name") ?? "").lowercased()
        guard UserName.isAcceptable(name) else {
            return try await show(
                .users, ask, .problem("A user name has 1 to 64 characters of a-z, 0-9, dot, underscore, at and hyphen."))
        }
        guard let role = ask.field("role").flatMap(Role.init) else {
            return try await show(.users, ask, .problem("Choose a role."))
        }
        guard try await server.users.user(named: name) == nil else {
            return try await show(.users, ask, .problem("There is already a user of that name."))
        }
        let user = User(id: UserID("u" + Random.text(21)), name: name, role: role, isDisabled: false, createdAt: ask.now)
        let created = Event("user.created", subject: name, details: [("role", .string(role.rawValue)), ("by", "admin")])
        guard await isRecorded(created, ask),
            await isRecorded(Event("invite.created", subject: name, details: [("by", "admin")]), ask)
        else { return account.unrecorded(ask.context) }
        try await server.users.insert(user, passwordHash: nil)
        let code = try await account.invitations.invite(user, at: ask.now)
        return pages.adminInvited(name: name, role: role, link: issuer + "/invite?code=" + code.exposeText())
    }

    func setDisabled(_ isDisabled: Bool, _ ask: Ask) async throws -> Response {
        guard let user = try await user(ask) else { return try await show(.users, ask, .problem("There is no such user.")) }
        guard user.id != ask.user.id else {
            return try await show(.user(user.name), ask, .problem("You cannot disable yourself. Another administrator can."))
        }
        guard await isRecorded(Event(isDisabled ? "user.disabled" : "user.enabled", subject: user.name), ask) else {
            return account.unrecorded(ask.context)
        }
        try await server.users.setDisabled(isDisabled, of: user.id, at: ask.now)
        let done = isDisabled ? "\(user.name) is disabled; tokens and sessions ended." : "\(user.name) may sign in again."
        return try await show(.user(user.name), ask, .done(done))
    }

    func setRole(_ ask: Ask) async throws -> Response {
        guard let user = try await user(ask) else { return try await show(.users, ask, .problem("There is no such user.")) }
        guard let role = ask.field("role").flatMap(Role.init) else {
            return try await show(.user(user.name), ask, .problem("Choose a role."))
        }
        guard user.id != ask.user.id else {
            return try await show(.user(user.name), ask, .problem("You cannot change your own role. Another administrator can."))
        }
        let details: [(key: String, value: JSONValue)] = [
            ("role", .string(role.rawValue)), ("before", .string(user.role.rawValue)),
        ]
        guard await isRecorded(Event("role.granted", subject: user.name, details: details), ask) else {
            return account.unrecorded(ask.context)
        }
        try await server.users.setRole(role, of: user.id)
        return try await show(.user(user.name), ask, .done("\(user.name) has the role \(role.rawValue) now."))
    }

    /// For everybody: consent may be remembered, and nobody waits any more (CON-4).
    func approve(_ ask: Ask) async throws -> Response {
        guard let client = try await client(ask) else { return try await show(page(ask), ask, .problem("That client is gone.")) }
        guard await isRecorded(Event("client.updated", client: client.id, details: [("approved", true)]), ask) else {
            return account.unrecorded(ask.context)
        }
        _ = try await approvals.setApproved(true, client: client.id, at: ask.now)
        return try await show(page(ask), ask, .done("\(client.name) is approved."))
    }

    func askRemoveClient(_ ask: Ask) async throws -> Response {
        guard let client = try await client(ask) else { return try await show(page(ask), ask, .problem("That client is gone.")) }
        return pages.adminConfirm(
            title: "Remove \(client.name)?",
            text: "Everybody who uses it has to connect again, and every token of it ends at once.",
            button: "Remove", path: ask.request.path,
            fields: [("token", ask.field("token") ?? ""), ("action", "remove-client"), ("id", client.id.text)])
    }

    func removeClient(_ ask: Ask) async throws -> Response {
        guard let client = try await client(ask) else { return try await show(page(ask), ask, .problem("That client is gone.")) }
        guard await isRecorded(Event("client.deleted", client: client.id), ask) else { return account.unrecorded(ask.context) }
        _ = try await server.clients.remove(client.id)
        return try await show(page(ask), ask, .done("\(client.name) is removed."))
    }

    func endSession(_ ask: Ask) async throws -> Response {
        let id = ask.field("id") ?? ""
        let all = try await account.sessionStore.sessions(of: nil, at: ask.now)
        guard let found = all.first(where: { $0.id == id }) else {
            return try await show(page(ask), ask, .problem("That session had ended before."))
        }
        guard await isRecorded(Event("session.revoked", reason: "admin", subject: found.username), ask) else {
            return account.unrecorded(ask.context)
        }
        _ = try await account.sessionStore.remove(id: id, of: nil, at: ask.now)
        guard try await account.sessions.current(ask.request, at: ask.now) != nil else { return signIn }  // it was this one
        return try await show(page(ask), ask, .done("The session of \(found.username) is ended."))
    }

    private func page(_ ask: Ask) -> View { View(ask.request.path, ask.form) }

    private func user(_ ask: Ask) async throws(StoreError) -> User? {
        guard let name = ask.field("name") else { return nil }
        return try await server.users.user(named: name)
    }

    private func client(_ ask: Ask) async throws(StoreError) -> Client? {
        guard let id = ask.field("id") else { return nil }
        return try await server.clients.client(ClientID(id), at: ask.now)
    }
}
