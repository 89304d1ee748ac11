internal import Crypto
internal import Primitives

/// Carries a challenge through the browser without a row for everybody who merely opens the sign-in page: challenge and time under
/// a form token that binds them to purpose, subject and browser. What is kept here is that a challenge was used (MFA-2).
struct PasskeyTicket: Sendable {
    static let lifetime = Duration.seconds(300)

    /// What a challenge is for. One is never good for another.
    enum Purpose: String, Sendable {
        case signIn = "passkey sign-in"
        case secondFactor = "passkey second factor"
        case confirmation = "passkey confirmation"
        case registration = "passkey registration"
    }

    let challenge: String
    let issuedAt: Timestamp
    let token: String

    var text: String { "\(challenge).\(issuedAt.milliseconds).\(token)" }

    static func fresh(
        _ purpose: Purpose, _ subject: String, _ browser: TokenDigest, _ security: BrowserSecurity, at now: Timestamp
    ) -> PasskeyTicket {
        let challenge = Base64.encode(Random.bytes(32))
        return PasskeyTicket(
            challenge: challenge, issuedAt: now,
            token: security.formToken(purpose.rawValue, bound(challenge, now, subject), browser))
    }

    /// Nil when it is not ours, not for this purpose, subject and browser, or older than five minutes.
    static func check(
        _ text: String?, _ purpose: Purpose, _ subject: String, _ browser: TokenDigest, _ security: BrowserSecurity,
        at now: Timestamp
    ) -> PasskeyTicket? {
        let parts = (text ?? "").split(separator: ".", omittingEmptySubsequences: false).map(String.init)
        guard parts.count == 3, let milliseconds = Int64(parts[1]) else { return nil }
        let issuedAt = Timestamp(milliseconds: milliseconds)
        guard security.isFormToken(parts[2], purpose.rawValue, bound(parts[0], issuedAt, subject), browser), issuedAt <= now,
            now - issuedAt <= lifetime
        else { return nil }
        return PasskeyTicket(challenge: parts[0], issuedAt: issuedAt, token: parts[2])
    }

    private static func bound(_ challenge: String, _ issuedAt: Timestamp, _ subject: String) -> String {
        "\(challenge)\u{0}\(issuedAt.milliseconds)\u{0}\(subject)"
    }
}
