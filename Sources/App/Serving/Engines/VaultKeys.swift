import Audit
import Crypto
import HTTP
import MCP
import Primitives
import Proxy
import Qarnot
import Synchronization
import Vault

/// Hands the engine the caller's own upstream key, and tells what is known of it without asking anyone (RS-10, VLT-5).
final class VaultKeys: UpstreamKeys, KeySource {
    /// "present", "missing" or "rejected", as `whoami` words it.
    typealias State = String

    private struct Known {
        let state: State
        let epoch: UInt64
        let readAt: MonotonicTime
    }

    private static let lifetime = Duration.seconds(5)
    private static let capacity = 8192

    private let vault: CredentialVault
    private let engine: String
    private let auditor: Auditor
    private let epoch: @Sendable () -> UInt64
    private let known = Mutex<[UserID: Known]>([:])
    private let alarm = KeyUseAlarm()

    init(vault: CredentialVault, engine: String, auditor: Auditor, epoch: @escaping @Sendable () -> UInt64) {
        self.vault = vault
        self.engine = engine
        self.auditor = auditor
        self.epoch = epoch
    }

    func key(for caller: Principal, noting notes: CallNotes?) async throws -> Secret? {
        guard let key = try await vault.key(user: caller.userID, engine: engine) else { return nil }
        let event = Event(
            "vault.key.used", actor: caller.username, subject: caller.username, client: caller.clientID, engine: engine)
        if alarm.noteUse(by: caller.userID, at: .now()) { try await raiseAlarm(caller) }
        if notes?.add(event) == true { return key }
        guard await auditor.record([event], AuditContext(requestID: Workspace.freshRequestID())) else { throw Unrecorded() }
        return key
    }

    /// On record before the key is handed out once more.
    private func raiseAlarm(_ caller: Principal) async throws {
        var event = Event(
            "auth.session.anomaly", severity: .critical, reason: "VLT-5", subject: caller.username, client: caller.clientID)
        event.engine = engine
        event.details = [
            ("what", "key taken out of the vault unusually often"), ("uses", .int(KeyUseAlarm.uses)),
            ("seconds", .int(Int(KeyUseAlarm.window.components.seconds))),
        ]
        guard await auditor.record([event], AuditContext(requestID: Workspace.freshRequestID())) else { throw Unrecorded() }
    }

    /// Marks only the key that was refused: a call begun with the old one may end after the user stored a new one.
    func markRejected(_ key: Secret, of caller: Principal) async {
        guard let stored = try? await vault.key(user: caller.userID, engine: engine),
            stored.expose({ stored in key.expose { ConstantTime.equal(stored, $0) } })
        else { return }
        await mark(caller, rejected: true)
    }

    func markWorking(for caller: Principal) async { await mark(caller, rejected: false) }

    /// What `whoami` answers; read again after 5 s or any change of credentials.
    func state(for user: UserID) async -> State {
        let now = MonotonicTime.now()
        let current = epoch()
        if let entry = known.withLock({ $0[user] }), entry.epoch == current, now - entry.readAt < Self.lifetime {
            return entry.state
        }
        guard let entries = try? await vault.status(user: user) else { return "missing" }
        let entry = entries.first { $0.engine == engine }
        let state = entry.map { $0.isRejected ? "rejected" : "present" } ?? "missing"
        known.withLock { known in
            if known.count >= Self.capacity { known.removeAll(keepingCapacity: true) }
            known[user] = Known(state: state, epoch: current, readAt: now)
        }
        return state
    }

    private func mark(_ caller: Principal, rejected: Bool) async {
        // A write only when something changed: most calls find the key working, as before.
        guard await state(for: caller.userID) != (rejected ? "rejected" : "present") else { return }
        try? await vault.mark(user: caller.userID, engine: engine, rejected: rejected, at: .now())
        known.withLock { $0[caller.userID] = nil }
    }

    /// A key is not taken out of the vault without its record.
    private struct Unrecorded: Error {}
}
