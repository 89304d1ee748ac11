import HTTP
import Logging
import OAuth
import Primitives
import Storage

/// Deletes what has ended and wipes sealed successors past their grace, every half minute.
struct Housekeeping: Sendable {
    private let workspace: Workspace
    private let sleeper: any Sleeper
    private let logger: Logger
    /// How long an old refresh token yields its successor; asked each time, since a reload may change it.
    private let grace: @Sendable () -> Duration

    private static let interval = Duration.seconds(30)
    /// Ended tokens are kept this long, so that a late use is told as revoked and not as unknown.
    private static let tokenMemory = Duration.seconds(86_400)

    private let epoch: @Sendable () -> UInt64

    init(
        _ workspace: Workspace, epoch: @escaping @Sendable () -> UInt64, sleeper: any Sleeper, logger: Logger,
        grace: @escaping @Sendable () -> Duration
    ) {
        self.workspace = workspace
        self.epoch = epoch
        self.sleeper = sleeper
        self.logger = logger
        self.grace = grace
    }

    /// Runs until the task is cancelled.
    func run() async {
        async let keys: Void = watchKeys()
        await sweep()
        await keys
    }

    /// `gatehouse keys rotate` takes effect within a second: whatever moves the revocation epoch may have been that.
    private func watchKeys() async {
        var known = epoch()
        while (try? await sleeper.sleep(for: .milliseconds(500))) != nil {
            let present = epoch()
            guard present != known, (try? await workspace.keyring.refresh(at: .now())) != nil else { continue }
            known = present
        }
    }

    private func sweep() async {
        while (try? await sleeper.sleep(for: Self.interval)) != nil {
            let now = Timestamp.now()
            do throws(StoreError) {
                try await workspace.grants.prune(at: now, grace: grace())
                try await workspace.tokens.prune(before: now - Self.tokenMemory)
                try await workspace.sessions.prune(at: now)
                try await workspace.singleUses.prune(at: now)
                try await workspace.spending.prune(before: now - .seconds(2 * 86_400))
                try await workspace.attempts.prune(at: now)
                if let made = try await workspace.keyring.refresh(at: now) {
                    await workspace.recordQuietly(
                        Event("key.rotated", details: [("purpose", "jwt"), ("kid", .string(made)), ("how", "by the calendar")]))
                }
                try await workspace.clients.prune(at: now, unusedLimit: 1000)
            } catch { logger.warning("housekeeping failed", [("error.message", .text("\(error)"))]) }
        }
    }
}
