internal import HTTP
internal import Primitives
internal import Synchronization

/// Everything the simulator knows, behind one lock: requests are short and nothing is awaited inside.
final class World: Sendable {
    struct State {
        /// By token.
        var accounts: [String: AccountState] = [:]
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
            let token = account.token.exposeText()
            initial.accounts[token] = AccountState(token: token, email: account.email)
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
        let moment = moment()
        return state.withLock { state -> Response? in
            guard var account = state.accounts.removeValue(forKey: token) else { return nil }
            account.advance(to: moment)
            let response = body(&account, moment)
            state.accounts[token] = account
            return response
        }
    }

    /// The token of the account whose S3 access key this is.
    func token(email: String) -> String? {
        state.withLock { state in state.accounts.values.first { $0.email == email }?.token }
    }

    private func moment() -> Moment { Moment(now: now(), timing: timing, limits: limits) }
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
