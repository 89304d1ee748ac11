import HTTP
import OAuth
import Primitives
import Vault

/// Upstream keys at `/account`.
extension AccountEndpoint {
    func setKey(_ ask: Ask) async throws -> Response {
        guard let engine = engine(ask) else { return try await show(ask, problem: "Choose a service.") }
        guard let key = ask.field("key"), (8...1024).contains(key.utf8.count) else {
            return try await show(ask, problem: "Enter the key, 8 to 1024 characters.")
        }
        if await keyCheck?.isAccepted(Secret(key), engine: engine.name) == false {
            return try await show(ask, problem: "\(engine.title) does not accept this key. Copy it again from your account there.")
        }
        guard await isRecorded(keyEvent("vault.key.stored", engine), ask) else { return unrecorded(ask.context) }
        try await vault.store(Secret(key), user: ask.user.id, engine: engine.name, at: ask.now)
        return try await show(ask, "The key is saved.")
    }

    func removeKey(_ ask: Ask) async throws -> Response {
        guard let engine = engine(ask) else { return try await show(ask, problem: "Choose a service.") }
        if try await vault.status(user: ask.user.id).contains(where: { $0.engine == engine.name }) {
            guard await isRecorded(keyEvent("vault.key.removed", engine), ask) else { return unrecorded(ask.context) }
            try await server.settings.endGrants(of: ask.user.id, engine: engine.name, in: server.grants, at: ask.now)
            _ = try await vault.remove(user: ask.user.id, engine: engine.name)
        }
        return try await show(ask, "The key is removed.")
    }

    private func engine(_ ask: Ask) -> EngineName? { engines.first { $0.name == ask.field("engine") } }

    private func keyEvent(_ name: String, _ engine: EngineName) -> Event {
        var event = Event(name)
        event.engine = engine.name
        return event
    }
}
