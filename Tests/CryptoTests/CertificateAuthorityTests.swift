import COpenSSL
import Crypto
import Foundation
import Primitives
import Testing

@Suite struct CertificateAuthorityTests {
    @Test func `a leaf for this machine verifies against its authority`() throws {
        let authority = try CertificateAuthority.make(named: "Gatehouse development")
        let leaf = try authority.issue()
        let (isTrusted, message) = try verify(leaf, by: authority, "-purpose", "sslserver", "-verify_ip", "127.0.0.1")
        #expect(isTrusted, "\(message)")
    }

    @Test(arguments: [["-verify_hostname", "localhost"], ["-verify_ip", "127.0.0.1"], ["-verify_ip", "::1"]])
    func `the leaf answers to each local name`(_ name: [String]) throws {
        let authority = try CertificateAuthority.make(named: "Gatehouse development")
        #expect(try verify(try authority.issue(), by: authority, name[0], name[1]).0)
    }

    @Test(arguments: [SubjectName.host("example.com"), .address(IPAddress("192.0.2.1")!), .address(IPAddress("2001:db8::1")!)])
    func `a stolen local authority cannot speak for another name (RFC 5280 4.2.1.10)`(_ name: SubjectName) throws {
        let authority = try CertificateAuthority.make(named: "Gatehouse development")
        #expect(try !verify(try authority.issue(for: [name]), by: authority).0)
    }

    @Test func `without constraints any name may be signed`() throws {
        let authority = try CertificateAuthority.make(named: "Gatehouse test", permitted: [])
        let leaf = try authority.issue(for: [.host("gateway.example.com"), .host("*.example.org")])
        #expect(try verify(leaf, by: authority, "-verify_hostname", "gateway.example.com").0)
        #expect(try verify(leaf, by: authority, "-verify_hostname", "a.example.org").0)
        #expect(try !verify(leaf, by: authority, "-verify_hostname", "other.example.com").0)
    }

    @Test func `a leaf cannot sign in its turn`() throws {
        let authority = try CertificateAuthority.make(named: "Gatehouse development")
        let leaf = try authority.issue()
        #expect(throws: CryptoError(.malformed)) { try CertificateAuthority(leaf) }
    }

    @Test func `an authority read back signs as before`() throws {
        let made = try CertificateAuthority.make(named: "Gatehouse development")
        let read = try CertificateAuthority(made.identity)
        #expect(try verify(try read.issue(), by: made).0)
    }

    @Test func `an encrypted key is refused without asking anyone for its passphrase`() throws {
        let made = try CertificateAuthority.make(named: "Gatehouse development").identity
        let locked = try openssl(
            "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-aes256", "-pass", "pass:test"
        ).output
        #expect(locked.contains("BEGIN ENCRYPTED PRIVATE KEY"))
        #expect(throws: CryptoError(.malformed)) {
            try CertificateAuthority(.init(certificate: made.certificate, key: Secret(locked)))
        }
        #expect(ERR_peek_error() == 0)
    }

    @Test func `a certificate with another's key is refused`() throws {
        let first = try CertificateAuthority.make(named: "First").identity
        let second = try CertificateAuthority.make(named: "Second").identity
        #expect(throws: CryptoError(.malformed)) {
            try CertificateAuthority(.init(certificate: first.certificate, key: second.key))
        }
        #expect(ERR_peek_error() == 0)
    }

    @Test(arguments: ["", "a,DNS:evil.example", "a\nb", "caf\u{E9}.example", String(repeating: "a", count: 254)])
    func `a name that is no host name is refused`(_ name: String) throws {
        let authority = try CertificateAuthority.make(named: "Gatehouse test", permitted: [])
        #expect(throws: CryptoError(.malformed)) { try authority.issue(for: [.host(name)]) }
        #expect(ERR_peek_error() == 0)
    }

    @Test func `a leaf lives two years and the authority ten`() throws {
        let now = Timestamp(seconds: 1_800_000_000)
        let authority = try CertificateAuthority.make(named: "Gatehouse test", at: now)
        let leaf = try authority.issue(at: now)
        let day = 86_400
        #expect(try verify(leaf, by: authority, "-attime", "\(1_800_000_000 + 729 * day)").0)
        #expect(try !verify(leaf, by: authority, "-attime", "\(1_800_000_000 + 731 * day)").0)
        #expect(try !verify(leaf, by: authority, "-attime", "\(1_800_000_000 - 7200)").0)
        let late = try authority.issue(at: Timestamp(seconds: 1_800_000_000 + Int64(3640 * day)))
        #expect(try verify(late, by: authority, "-attime", "\(1_800_000_000 + 3649 * day)").0)
        #expect(try !verify(late, by: authority, "-attime", "\(1_800_000_000 + 3651 * day)").0)
    }

    @Test func `a long host name still gets a certificate`() throws {
        let authority = try CertificateAuthority.make(named: "Gatehouse test", permitted: [])
        let name = Array(repeating: "label", count: 20).joined(separator: ".")
        #expect(try verify(try authority.issue(for: [.host(name)]), by: authority, "-verify_hostname", name).0)
    }

    /// Asks the openssl command, as an independent judge.
    private func verify(
        _ leaf: CertificateAuthority.Identity, by authority: CertificateAuthority, _ arguments: String...
    ) throws -> (Bool, String) {
        let folder = FileManager.default.temporaryDirectory.appending(path: "gatehouse-ca-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let root = folder.appending(path: "ca.pem")
        let subject = folder.appending(path: "leaf.pem")
        try Data(authority.identity.certificate.utf8).write(to: root)
        try Data(leaf.certificate.utf8).write(to: subject)
        let (status, output) = try openssl(["verify", "-x509_strict", "-CAfile", root.path] + arguments + [subject.path])
        return (status == 0, output)
    }

    private func openssl(_ arguments: String...) throws -> (status: Int32, output: String) { try openssl(arguments) }

    private func openssl(_ arguments: [String]) throws -> (status: Int32, output: String) {
        try run("/usr/bin/openssl", arguments)
    }

    private func run(_ path: String, _ arguments: [String]) throws -> (status: Int32, output: String) {
        // Not Foundation's Process: it reads beyond the end of a directory entry and now and then dies of it.
        let line = ([path] + arguments).map { "'" + $0.replacing("'", with: "'\\''") + "'" }.joined(separator: " ")
        guard let stream = unsafe popen(line + " 2>&1 </dev/null", "r") else { throw POSIXError(.EAGAIN) }
        var output: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 65_536)
        while case let count = unsafe fread(&piece, 1, piece.count, stream), count > 0 { output += piece[..<count] }
        let status = unsafe pclose(stream)
        return (status & 0x7F == 0 ? status >> 8 : -1, String(decoding: output, as: UTF8.self))
    }
}
