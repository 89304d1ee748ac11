import OAuth
import Primitives
import Vault

/// Store errors in a command's words.
extension CommandError {
    init(_ error: StoreError) {
        switch error.code {
        case .unavailable: self.init(.unavailable, "The database is busy or not to be had: \(error.message). Try again.")
        case .cannotWrite: self.init(.cannotWrite, "The database cannot be written: \(error.message). Check the disk.")
        case .conflict: self.init(.no, "The name is taken.")
        case .incompatible: self.init(.configuration, "The database does not fit this version: \(error.message).")
        case .internalError: self.init(.software, "The database answered with an error that is our bug: \(error.message).")
        }
    }

    init(_ error: VaultError) { self.init(.unavailable, "The vault cannot be used: \(error).") }
}

extension Workspace {
    /// The user of that name, or the answer "no".
    func requireUser(_ name: String) async throws(CommandError) -> User {
        let user: User?
        do { user = try await users.user(named: name.lowercased()) } catch { throw CommandError(error) }
        guard let user else { throw CommandError(.no, "There is no user \"\(name)\". gatehouse user list shows all.") }
        return user
    }
}
