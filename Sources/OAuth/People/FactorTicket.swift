internal import HTTP
internal import Primitives

/// Proof that a browser just passed the first factor, carried through the page that asks for the second: who, when and by what,
/// under a form token that binds all three to the transaction and the browser.
struct FactorTicket: Sendable {
    static let purpose = "second factor"
    static let lifetime = Duration.seconds(600)

    let userID: UserID
    let passedAt: Timestamp
    /// The password, or a provider's word.
    let first: AuthenticationMethods.Method

    /// The hidden field `passed`.
    var passed: String { "\(passedAt.milliseconds).\(first.rawValue)" }

    /// What the form token is bound to.
    func subject(transaction: String) -> String { "\(transaction)\u{0}\(userID.text)\u{0}\(passed)" }

    init(userID: UserID, passedAt: Timestamp, first: AuthenticationMethods.Method = .password) {
        self.userID = userID
        self.first = first
        self.passedAt = passedAt
    }

    /// From the hidden fields `account` and `passed`; nil when absent, malformed or too old.
    init?(_ form: Parameters, at now: Timestamp) {
        let parts = (form.all("passed").first ?? "").split(separator: ".", omittingEmptySubsequences: false)
        guard let account = form.all("account").first, parts.count == 2, let milliseconds = Int64(parts[0]),
            let first = AuthenticationMethods.Method(rawValue: String(parts[1]))
        else { return nil }
        let passedAt = Timestamp(milliseconds: milliseconds)
        guard passedAt <= now, now - passedAt <= Self.lifetime else { return nil }
        self.init(userID: UserID(account), passedAt: passedAt, first: first)
    }
}
