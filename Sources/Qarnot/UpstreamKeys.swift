package import MCP
package import Primitives

/// Where the engine gets a caller's own Qarnot key. `App` implements it over the vault.
package protocol UpstreamKeys: Sendable {
    /// The caller's key; nil when none is stored. Never somebody else's.
    /// - Parameter notes: where the use may wait for its call's record; nil when it is to be on record before the key is.
    func key(for caller: Principal, noting notes: CallNotes?) async throws -> Secret?

    /// Qarnot answered 401 to this key of the caller: ask the user for another (VLT-5). The caller may have replaced it
    /// meanwhile; then nothing is marked.
    func markRejected(_ key: Secret, of caller: Principal) async

    /// Qarnot accepted the caller's key.
    func markWorking(for caller: Principal) async
}
