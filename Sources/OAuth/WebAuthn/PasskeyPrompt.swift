/// What a page needs to ask for a passkey; all of it may be read by anyone who sees the page.
package struct PasskeyPrompt: Sendable, Hashable {
    /// 32 random bytes in base64url.
    package let challenge: String
    /// Comes back with the answer, and proves that the challenge is ours and this browser's.
    package let ticket: String
    package let relyingPartyID: String
    /// Credential ids in base64url: those that may answer; of a registration, those that must not. Empty lets the person choose.
    package let credentials: [String]
    package let isVerificationRequired: Bool

    package init(
        challenge: String, ticket: String, relyingPartyID: String, credentials: [String], isVerificationRequired: Bool
    ) {
        self.challenge = challenge
        self.ticket = ticket
        self.relyingPartyID = relyingPartyID
        self.credentials = credentials
        self.isVerificationRequired = isVerificationRequired
    }
}
