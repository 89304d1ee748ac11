internal import HTTP
internal import Primitives

/// Proof that a browser just gave the right password, carried through the page that asks for the second factor: who and when,
/// under a form token that binds both to the transaction and the browser.
struct FactorTicket: Sendable {
    static let purpose = "second factor"
    static let lifetime = Duration.seconds(600)

    let userID: UserID
    let passedAt: Timestamp

    /// What the form token is bound to.
    func subject(transaction: String) -> String { "\(transaction)\u{0}\(userID.text)\u{0}\(passedAt.milliseconds)" }

    init(userID: UserID, passedAt: Timestamp) {
        self.userID = userID
        self.passedAt = passedAt
    }

    /// From the hidden fields `account` and `passed`; nil when absent, malformed or too old.
    init?(_ form: Parameters, at now: Timestamp) {
        guard let account = form.all("account").first, let text = form.all("passed").first, let milliseconds = Int64(text) else {
            return nil
        }
        let passedAt = Timestamp(milliseconds: milliseconds)
        guard passedAt <= now, now - passedAt <= Self.lifetime else { return nil }
        self.init(userID: UserID(account), passedAt: passedAt)
    }
}
