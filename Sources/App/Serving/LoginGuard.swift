import HTTP
import Logging
import OAuth
import Policy
import Primitives
import Storage

/// BF-1 on the wall clock: counts in memory, and writes down what was counted before the attempt is answered, so that a restart
/// gives nobody new tries.
struct LoginGuard: LoginThrottle {
    let throttle: AttemptThrottle
    /// Nil for client secrets, whose counters end with the process.
    var store: SQLiteAttemptStore?
    var logger: Logger?

    func delay(_ attempt: LoginAttempt) -> Duration? { throttle.delay(AttemptThrottle.Attempt(attempt), at: .now()) }

    func failed(_ attempt: LoginAttempt) async -> Event? {
        let verdict = throttle.failed(AttemptThrottle.Attempt(attempt), at: .now())
        // Memory has it already: a store that is down makes nobody's next try sooner while this process lives.
        do { try await store?.keep(verdict.changed.map(StoredAttempts.init)) } catch {
            logger?.warning("failed attempts could not be written down", [("error.message", .text("\(error)"))])
        }
        return verdict.alert.map(Self.alarm)
    }

    func succeeded(_ attempt: LoginAttempt) async {
        let gone = throttle.succeeded(AttemptThrottle.Attempt(attempt))
        guard !gone.isEmpty else { return }
        do { try await store?.forget(gone) } catch {
            logger?.warning("counted attempts could not be cleared", [("error.message", .text("\(error)"))])
        }
    }

    /// Takes up what earlier processes counted.
    func restore() async throws(StoreError) {
        let now = Timestamp.now()
        throttle.restore((try await store?.counters() ?? []).compactMap(\.counter), at: now)
    }

    private static func alarm(_ spraying: AttemptThrottle.Spraying) -> Event {
        var event = Event("auth.session.anomaly", .denied, severity: .critical, reason: "BF-1")
        event.details = [
            ("what", "password spraying"), ("accounts", .int(spraying.accounts)),
            ("from", spraying.isOneAddress ? "one address" : "many addresses"),
        ]
        return event
    }
}

extension AttemptThrottle.Attempt {
    init(_ attempt: LoginAttempt) {
        self.init(account: attempt.account, address: attempt.address, device: attempt.device)
    }
}

extension StoredAttempts {
    init(_ counter: AttemptThrottle.Counter) {
        self.init(
            key: counter.key, kind: counter.kind.rawValue, failures: counter.failures, accounts: counter.accounts,
            since: counter.since, lastFailure: counter.lastFailure,
            endsAt: (counter.kind == .pair ? counter.lastFailure : counter.since) + counter.kind.window)
    }

    /// Nil when a later version wrote it.
    var counter: AttemptThrottle.Counter? {
        AttemptThrottle.Counter.Kind(rawValue: kind).map {
            AttemptThrottle.Counter(
                kind: $0, key: key, failures: failures, accounts: accounts, since: since, lastFailure: lastFailure)
        }
    }
}
