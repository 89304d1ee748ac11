import Testing

@testable import OAuth

@Suite struct PKCETests {
    @Test func `the example of RFC 7636 appendix B matches`() {
        #expect(PKCE.matches(verifier: World.verifier, challenge: World.challenge))
        #expect(PKCE.isChallenge(World.challenge) && PKCE.isVerifier(World.verifier))
    }

    @Test func `another verifier, and the challenge itself, do not match`() {
        #expect(!PKCE.matches(verifier: World.verifier + "x", challenge: World.challenge))
        #expect(!PKCE.matches(verifier: World.challenge, challenge: World.challenge))
    }

    @Test(arguments: [
        "", "short", String(World.challenge.dropLast()), World.challenge + "A", World.challenge.replacing("-", with: "+"),
        World.challenge.replacing("-", with: "="), String(World.challenge.dropLast()) + "é",
    ])
    func `a challenge is 43 base64url characters (AZ-7)`(_ text: String) { #expect(!PKCE.isChallenge(text)) }

    @Test(arguments: [42, 129])
    func `a verifier has 43 to 128 characters (CODE-5)`(_ count: Int) {
        #expect(!PKCE.isVerifier(String(repeating: "a", count: count)))
    }

    @Test(arguments: [43, 128])
    func `the bounds themselves are accepted`(_ count: Int) { #expect(PKCE.isVerifier(String(repeating: "~", count: count))) }

    @Test(arguments: [" ", "+", "/", "=", "%", "ä", "\u{0}"])
    func `a verifier holds unreserved characters only (RFC 7636 §4.1)`(_ character: String) {
        #expect(!PKCE.isVerifier(String(repeating: "a", count: 50) + character))
    }
}
