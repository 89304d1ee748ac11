package import Primitives

/// What is known of a user's authenticator app.
package struct OneTimePasswordState: Sendable, Hashable {
    package let isConfirmed: Bool

    package init(isConfirmed: Bool) { self.isConfirmed = isConfirmed }
}

/// Persists second factors and invitations; secrets themselves are in the vault.
package protocol FactorStore: Sendable {
    /// Nil when the user never began to enrol.
    func oneTimePassword(of user: UserID) async throws(StoreError) -> OneTimePasswordState?
    /// When an enrolment that is not confirmed began; nil when there is none.
    func enrolmentBegan(of user: UserID) async throws(StoreError) -> Timestamp?
    /// Recovery codes not used yet.
    func recoveryCodesLeft(of user: UserID) async throws(StoreError) -> Int
    /// Begins an enrolment, unconfirmed; replaces an unconfirmed one before.
    func beginOneTimePassword(of user: UserID, at now: Timestamp) async throws(StoreError)
    /// Confirms it and replaces the recovery codes; false when there was nothing to confirm.
    func confirmOneTimePassword(of user: UserID, step: Int64, recoveryCodes: [TokenDigest], at now: Timestamp)
        async throws(StoreError) -> Bool
    /// Accepts a time step once and never an earlier one (MFA-1); true for exactly one of two calls with it.
    func accept(step: Int64, of user: UserID) async throws(StoreError) -> Bool
    /// True for exactly one use of each code.
    func useRecoveryCode(_ digest: TokenDigest, of user: UserID, at now: Timestamp) async throws(StoreError) -> Bool
    /// Forgets the app, and with the last factor the recovery codes; false when there was none.
    func removeOneTimePassword(of user: UserID) async throws(StoreError) -> Bool

    /// Stores an invitation; earlier ones of the user end (PW-3).
    func insertInvite(_ digest: TokenDigest, user: UserID, expiresAt: Timestamp) async throws(StoreError)
    /// Whose it is; nil when unknown, used or expired.
    func invite(_ digest: TokenDigest, at now: Timestamp) async throws(StoreError) -> UserID?
    /// Uses it: the hash becomes the user's, and whatever they had open ends, in one transaction. True for exactly one of two
    /// calls.
    func acceptInvite(_ digest: TokenDigest, passwordHash: String, at now: Timestamp) async throws(StoreError) -> Bool
}

/// Keeps the secrets of authenticator apps. `App` joins it to the vault, so that they are encrypted under the user's own key and
/// go with the user.
package protocol FactorSecrets: Sendable {
    func store(_ secret: Secret, of user: UserID, at now: Timestamp) async throws
    /// Nil when there is none.
    func secret(of user: UserID) async throws -> Secret?
    func remove(of user: UserID) async throws
}
