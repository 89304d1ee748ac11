import Primitives
import Testing

@testable import Crypto

@Suite struct CertificateChainTests {
    @Test func `a chain tells for whom and until when, and whether its links hold`() throws {
        let now = Timestamp(seconds: 1_800_000_000)
        let authority = try CertificateAuthority.make(named: "Test CA", at: now)
        let leaf = try authority.issue(at: now)
        let chain = try CertificateChain(pem: leaf.certificate + authority.identity.certificate)
        #expect(chain.certificates.count == 2 && chain.isLinked)
        #expect(chain.covers("localhost") && chain.covers("127.0.0.1") && !chain.covers("gate.example.com"))
        #expect(chain.matches(key: leaf.key) && !chain.matches(key: authority.identity.key))
        #expect(chain.certificates[0].begins <= now && chain.certificates[0].ends > now)
        #expect(chain.certificates[0].issuer.contains("Test CA"))
        #expect(try !CertificateChain(pem: authority.identity.certificate + leaf.certificate).isLinked)
    }

    @Test func `what is no certificate is refused`() {
        #expect(throws: CryptoError.self) { try CertificateChain(pem: "nothing") }
    }
}
