internal import HTTP
internal import Primitives
internal import Synchronization

/// Everything the simulator knows, behind one lock: requests are short and nothing is awaited inside.
final class World: Sendable {
    struct State {
        /// By e-mail.
        var accounts: [String: AccountState] = [:]
        /// The e-mail each token opens. An account may have several, while one replaces another.
        var tokens: [String: String] = [:]
        var clock = Clock()
        var storageURL: String?
        var faults: [Fault] = []
        var journal = Journal()
    }

    private let state: Mutex<State>
    let timing: Timing
    let limits: Limits
    let sleeper: any Sleeper
    let now: @Sendable () -> Timestamp

    init(
        accounts: [SimulatedQarnot.Account], timing: Timing, limits: Limits, sleeper: any Sleeper,
        now: @escaping @Sendable () -> Timestamp
    ) {
        var initial = State()
        for account in accounts {
            initial.tokens[account.token.exposeText()] = account.email
            if initial.accounts[account.email] == nil { initial.accounts[account.email] = AccountState(email: account.email) }
        }
        state = Mutex(initial)
        self.timing = timing
        self.limits = limits
        self.sleeper = sleeper
        self.now = now
    }

    func update<R: Sendable>(_ body: (inout State) -> sending R) -> R {
        state.withLock { state in body(&state) }
    }

    /// Brings the account of a token up to the present and lets `body` work on it. Nil when the token is unknown.
    func withAccount(token: String, _ body: (inout AccountState, Moment) -> Response) -> Response? {
        guard let email = update({ $0.tokens[token] }) else { return nil }
        return withAccount(email: email, body)
    }

    func withAccount(email: String, _ body: (inout AccountState, Moment) -> Response) -> Response? {
        let time = now()
        return state.withLock { state -> Response? in
            guard var account = state.accounts.removeValue(forKey: email) else { return nil }
            let moment = Moment(now: state.clock.reading(at: time), timing: timing, limits: limits)
            account.advance(to: moment)
            let response = body(&account, moment)
            state.accounts[email] = account
            return response
        }
    }

    /// The tokens of the account whose S3 access key this is: each is a secret of it.
    func tokens(email: String) -> [String] {
        state.withLock { state in state.tokens.filter { $0.value == email }.map(\.key) }
    }
}

/// The time tasks advance by. Signatures are judged by the real one: clients cannot know of this.
struct Clock: Sendable {
    /// Set while time stands still.
    private(set) var frozenAt: Timestamp?
    private var offset = Duration.zero

    func reading(at time: Timestamp) -> Timestamp { frozenAt ?? time + offset }

    mutating func freeze(at time: Timestamp) { frozenAt = reading(at: time) }

    /// Lets time go on from where it stood.
    mutating func release(at time: Timestamp) {
        guard let frozenAt else { return }
        (offset, self.frozenAt) = (frozenAt - time, nil)
    }

    mutating func advance(_ duration: Duration) {
        if let time = frozenAt { frozenAt = time + duration } else { offset += duration }
    }
}

/// The instant of one request and the settings that apply to it.
struct Moment: Sendable {
    let now: Timestamp
    let timing: Timing
    let limits: Limits
}

/// A random UUID in lower case (RFC 9562 §5.4).
func makeUUID() -> String {
    var bytes = (0..<16).map { _ in UInt8.random(in: .min ... .max) }
    bytes[6] = bytes[6] & 0x0F | 0x40
    bytes[8] = bytes[8] & 0x3F | 0x80
    let hex = Hex.encode(bytes)
    var out = ""
    for (index, character) in hex.enumerated() {
        if [8, 12, 16, 20].contains(index) { out.append("-") }
        out.append(character)
    }
    return out
}
