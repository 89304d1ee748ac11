package import Primitives
internal import Synchronization

/// Slows down guessing (BF-1, contract §9). Failures are counted for each pair of account and address, and for logins also for
/// each account, each address and in all. From the fifth failure on a pair waits 1 s, 2 s, 4 s … to 15 minutes; an account four
/// times as many failures later, wherever they come from. A browser its owner signed in with before is spared the account's wait
/// and counts as a pair of its own, so that nobody can lock the owner out.
package final class AttemptThrottle: Sendable {
    /// One attempt to prove something.
    package struct Attempt: Sendable, Hashable {
        package let account: String
        /// Nil where guesses count for the account alone, wherever they come from.
        package let address: IPAddress?
        /// What the browser of an earlier success is known by.
        package let device: String?

        package init(account: String, address: IPAddress?, device: String? = nil) {
            self.account = account
            self.address = address
            self.device = device
        }
    }

    /// One counter as it is kept across restarts.
    package struct Counter: Sendable, Hashable {
        package enum Kind: Int, Sendable, CaseIterable { case pair, account, address, everywhere }

        package let kind: Kind
        /// What `name` made of whom it counts.
        package let key: [UInt8]
        package fileprivate(set) var failures: Int
        /// Different accounts tried, for an address and everywhere.
        package fileprivate(set) var accounts: Int
        /// When this count began.
        package fileprivate(set) var since: Timestamp
        package fileprivate(set) var lastFailure: Timestamp

        package init(kind: Kind, key: [UInt8], failures: Int, accounts: Int, since: Timestamp, lastFailure: Timestamp) {
            self.kind = kind
            self.key = key
            self.failures = failures
            self.accounts = accounts
            self.since = since
            self.lastFailure = lastFailure
        }

        /// Whether the count is over: a pair's 15 minutes after its last failure, an account's a day after its first, the others'
        /// an hour after their first. A clock set back by more than that ends it too.
        package func isOver(at now: Timestamp) -> Bool {
            let age = now - (kind == .pair ? lastFailure : since)
            return age >= kind.window || age <= .zero - kind.window
        }
    }

    /// Many accounts, few tries each.
    package struct Spraying: Sendable, Hashable {
        /// False when the tries come from many addresses.
        package let isOneAddress: Bool
        package let accounts: Int

        package init(isOneAddress: Bool, accounts: Int) {
            self.isOneAddress = isOneAddress
            self.accounts = accounts
        }
    }

    /// What a failure came to.
    package struct Verdict: Sendable {
        /// To be written down before the attempt is answered.
        package let changed: [Counter]
        package let alert: Spraying?
    }

    fileprivate static let longest = Duration.seconds(900)
    private static let capacity = 65_536
    /// Different accounts that failed from one address, and everywhere, within an hour: told once, then at each doubling.
    private static let sprayedFromAddress = 10
    private static let sprayedEverywhere = 50
    /// How much later an account waits than a pair.
    private static let accountPatience = 4

    private let counters = Mutex<[Counter.Kind: [[UInt8]: Counter]]>([:])
    private let limit: Atomic<Int>
    private let watchesAccounts: Bool
    private let name: @Sendable (String) -> [UInt8]

    /// - Parameters:
    ///   - attempts: the attempt from which on a failure makes the next one wait; 5 by default.
    ///   - watchesAccounts: count accounts, addresses and all as well. Not for client secrets: CLI-5 spares other addresses.
    ///   - name: makes of an account or address what may be kept; what people type into a name field may be a password.
    package init(
        attempts: Int, watchesAccounts: Bool = false, name: @escaping @Sendable (String) -> [UInt8] = { Array($0.utf8) }
    ) {
        limit = Atomic(attempts)
        self.watchesAccounts = watchesAccounts
        self.name = name
    }

    /// Changes the limit; what was counted stays.
    package func adjust(attempts: Int) { limit.store(attempts, ordering: .relaxed) }

    /// Takes up what was counted before a restart.
    package func restore(_ kept: [Counter], at now: Timestamp) {
        counters.withLock { counters in
            for counter in kept where !counter.isOver(at: now) { counters[counter.kind, default: [:]][counter.key] = counter }
        }
    }

    private var freeAttempts: Int { max(1, limit.load(ordering: .relaxed)) - 1 }

    /// How long the next attempt must wait; nil when it may go on.
    package func delay(_ attempt: Attempt, at now: Timestamp) -> Duration? {
        var longest = Duration.zero
        for key in pairs(attempt) { longest = max(longest, wait(.pair, key, beyond: freeAttempts, at: now)) }
        if watchesAccounts, attempt.device == nil {
            let free = (freeAttempts + 1) * Self.accountPatience - 1
            longest = max(longest, wait(.account, name("account\u{0}" + attempt.account), beyond: free, at: now))
        }
        return longest > .zero ? longest : nil
    }

    package func failed(_ attempt: Attempt, at now: Timestamp) -> Verdict {
        let pairs = pairs(attempt)
        return counters.withLock { counters in
            var changed: [Counter] = []
            var isNewPair = false
            for key in pairs {
                let counter = Self.count(.pair, key, in: &counters, at: now)
                isNewPair = isNewPair || counter.failures == 1
                changed.append(counter)
            }
            guard watchesAccounts, let address = attempt.address else { return Verdict(changed: changed, alert: nil) }
            let account = Self.count(.account, name("account\u{0}" + attempt.account), in: &counters, at: now)
            let source = Self.count(
                .address, name("address\u{0}\(address.limitKey)"), isNewAccount: isNewPair, in: &counters, at: now)
            let all = Self.count(
                .everywhere, name("everywhere"), isNewAccount: account.failures == 1, in: &counters, at: now)
            return Verdict(
                changed: changed + [account, source, all],
                alert: Self.alert(source, isNewPair, Self.sprayedFromAddress)
                    ?? Self.alert(all, account.failures == 1, Self.sprayedEverywhere))
        }
    }

    /// Clears the pair alone: a success says nothing of those who try elsewhere.
    /// - Returns: the keys of the counters that are gone.
    package func succeeded(_ attempt: Attempt) -> [[UInt8]] {
        let pairs = pairs(attempt)
        return counters.withLock { counters in pairs.filter { counters[.pair]?.removeValue(forKey: $0) != nil } }
    }

    private func pairs(_ attempt: Attempt) -> [[UInt8]] {
        var names = ["pair\u{0}\(attempt.account)\u{0}\(attempt.address?.limitKey.description ?? "")"]
        if let device = attempt.device { names.append("device\u{0}\(attempt.account)\u{0}\(device)") }
        return names.map(name)
    }

    private func wait(_ kind: Counter.Kind, _ key: [UInt8], beyond free: Int, at now: Timestamp) -> Duration {
        guard let counter = counters.withLock({ $0[kind]?[key] }), counter.failures > free, !counter.isOver(at: now) else {
            return .zero
        }
        let wait = Self.wait(beyond: counter.failures - free)
        let passed = max(.zero, now - counter.lastFailure)
        return passed < wait ? wait - passed : .zero
    }

    private static func count(
        _ kind: Counter.Kind, _ key: [UInt8], isNewAccount: Bool = false, in counters: inout [Counter.Kind: [[UInt8]: Counter]],
        at now: Timestamp
    ) -> Counter {
        if (counters[kind]?.count ?? 0) >= capacity { makeRoom(&counters[kind, default: [:]], at: now) }
        var counter =
            counters[kind]?[key].flatMap { $0.isOver(at: now) ? nil : $0 }
            ?? Counter(kind: kind, key: key, failures: 0, accounts: 0, since: now, lastFailure: now)
        counter.failures += 1
        counter.accounts += isNewAccount ? 1 : 0
        counter.lastFailure = now
        counters[kind, default: [:]][key] = counter
        return counter
    }

    /// The older half goes when dropping what is over is not enough: a flood must not make us forget what it hides.
    private static func makeRoom(_ counters: inout [[UInt8]: Counter], at now: Timestamp) {
        counters = counters.filter { !$0.value.isOver(at: now) }
        guard counters.count >= capacity else { return }
        let few = counters.values.sorted { ($0.failures, $0.lastFailure) < ($1.failures, $1.lastFailure) }.prefix(capacity / 2)
        for counter in few { counters[counter.key] = nil }
    }

    private static func alert(_ counter: Counter, _ hasGrown: Bool, _ threshold: Int) -> Spraying? {
        guard hasGrown, counter.accounts >= threshold, counter.accounts % threshold == 0,
            (counter.accounts / threshold).nonzeroBitCount == 1
        else { return nil }
        return Spraying(isOneAddress: counter.kind == .address, accounts: counter.accounts)
    }

    /// 2^(n-1) seconds for the nth failure past the free ones.
    private static func wait(beyond n: Int) -> Duration { n > 10 ? longest : min(.seconds(1 << (n - 1)), longest) }
}

extension AttemptThrottle.Counter.Kind {
    package var window: Duration {
        switch self {
        case .pair: AttemptThrottle.longest
        case .account: .seconds(86_400)
        case .address, .everywhere: .seconds(3600)
        }
    }
}
