import OAuth
import Primitives
import Vault

/// Authenticator secrets in the vault, under the user's own key.
struct VaultFactorSecrets: FactorSecrets {
    let vault: CredentialVault

    /// No engine is called so: names of engines have no colon.
    static let record = "login:otp"

    func store(_ secret: Secret, of user: UserID, at now: Timestamp) async throws {
        try await vault.store(secret, user: user, engine: Self.record, at: now)
    }

    func secret(of user: UserID) async throws -> Secret? { try await vault.key(user: user, engine: Self.record) }

    func remove(of user: UserID) async throws { _ = try await vault.remove(user: user, engine: Self.record) }
}
