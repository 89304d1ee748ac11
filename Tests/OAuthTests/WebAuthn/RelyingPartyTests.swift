import Foundation
import HTTP
import Primitives
import Testing

@testable import Crypto
@testable import OAuth

/// The checks of WebAuthn level 3 §7.1 and §7.2 (MFA-2).
struct RelyingPartyTests {
    private func party() throws -> RelyingParty { try #require(RelyingParty(issuer: World.issuer)) }

    // MARK: - Somebody else's authenticator

    struct Vector: Sendable, CustomTestStringConvertible {
        let members: JSONValue
        var testDescription: String { members["name"]?.string ?? "" }
        func bytes(_ name: String) -> [UInt8] { members[name]?.string.flatMap { Base64.decode($0) } ?? [] }
    }

    /// Made and checked by python-fido2: ES256, RS256 and EdDSA, each with `none` and with self attestation.
    static let vectors: [Vector] = {
        let file = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../Fixtures/passkeys/fido2.json")
        let json = (try? Data(contentsOf: file)).flatMap { try? JSONValue(parsing: Array($0)) }
        return (json?["vectors"]?.array ?? []).map(Vector.init)
    }()

    @Test func `there are vectors of all algorithms`() { #expect(Self.vectors.count == 6) }

    @Test(arguments: vectors)
    func `a passkey of python-fido2 registers and signs in`(_ vector: Vector) throws {
        let (credential, challenge) = try party().register(
            RegistrationAnswer(clientData: vector.bytes("client_data"), attestation: vector.bytes("attestation")))
        #expect(challenge == vector.members["challenge"]?.string && credential.id == vector.bytes("credential_id"))
        #expect(credential.isVerified && credential.counter == 1)
        let passkey = Passkey(
            id: "p1", userID: User.ada.id, credentialID: credential.id, key: credential.key, counter: 1, isBackupEligible: false,
            isBackedUp: false, name: "", createdAt: .at(0), lastUsedAt: nil)
        let answer = AssertionAnswer(
            credentialID: credential.id, clientData: vector.bytes("get_client_data"),
            authenticatorData: vector.bytes("authenticator_data"), signature: vector.bytes("signature"), userHandle: [])
        #expect(try party().challenge(of: answer) == vector.members["get_challenge"]?.string)
        #expect(try party().assert(answer, by: passkey, isVerificationRequired: true).counter == 2)
        var forged = answer.signature
        forged[forged.count / 2] ^= 1
        let other = AssertionAnswer(
            credentialID: credential.id, clientData: answer.clientData, authenticatorData: answer.authenticatorData,
            signature: forged, userHandle: [])
        #expect(throws: PasskeyFault.signature) { try party().assert(other, by: passkey, isVerificationRequired: true) }
    }

    @Test(arguments: vectors)
    func `every truncation of an attestation and of authenticator data is refused`(_ vector: Vector) throws {
        let attestation = vector.bytes("attestation")
        for count in 0..<attestation.count {
            #expect(throws: PasskeyFault.malformed) { try AttestationObject(Array(attestation[..<count])) }
        }
        #expect(throws: PasskeyFault.malformed) { try AttestationObject(attestation + [0]) }
        let data = try #require(try CBORValue(parsing: attestation)[.text("authData")]?.bytes)
        for count in 0..<data.count { #expect(throws: PasskeyFault.self) { try AuthenticatorData(Array(data[..<count])) } }
        #expect(throws: PasskeyFault.malformed) { try AuthenticatorData(data + [0xA0]) }
        #expect(throws: Never.self) { try AuthenticatorData(data) }
    }

    // MARK: - Where we are

    @Test(arguments: [("https://gate.example", "gate.example"), ("https://localhost:8443", "localhost")])
    func `the relying party is the host of the public URL`(_ issuer: String, _ host: String) {
        #expect(RelyingParty(issuer: issuer)?.id == host)
    }

    @Test(arguments: ["https://127.0.0.1:8443", "https://[::1]:8443", "https://192.0.2.1"])
    func `browsers make no passkeys for an address`(_ issuer: String) { #expect(RelyingParty(issuer: issuer) == nil) }

    // MARK: - Registering

    private func registrationFault(_ change: (inout SoftAuthenticator) -> Void) throws -> PasskeyFault? {
        var device = try SoftAuthenticator()
        change(&device)
        do { _ = try party().register(device.register("c")) } catch let fault as PasskeyFault { return fault }
        return nil
    }

    @Test func `a good registration is taken`() throws { #expect(try registrationFault { _ in } == nil) }

    @Test(arguments: [
        "https://gate.example:8443", "https://gate.example.evil.example", "https://evil.example", "http://gate.example",
        "https://GATE.example", "https://gate.example/", "null",
    ])
    func `another origin is refused, however near`(_ origin: String) throws {
        #expect(try registrationFault { $0.origin = origin } == .origin)
    }

    @Test func `a frame in somebody else's page is another origin`() throws {
        #expect(try registrationFault { $0.moreClientData = [("crossOrigin", true)] } == .origin)
        #expect(try registrationFault { $0.moreClientData = [("topOrigin", "https://evil.example")] } == .origin)
        #expect(
            try registrationFault { $0.moreClientData = [("crossOrigin", false), ("other_keys_can_be_added_here", "x")] } == nil)
    }

    @Test func `another relying party, ceremony or an absent person is refused`() throws {
        #expect(try registrationFault { $0.relyingParty = "example" } == .relyingParty)
        #expect(try registrationFault { $0.relyingParty = "sub.gate.example" } == .relyingParty)
        #expect(try registrationFault { $0.type = "webauthn.get" } == .ceremony)
        #expect(try registrationFault { $0.type = "payment.get" } == .ceremony)
        #expect(try registrationFault { $0.flags = [.userVerified] } == .presence)
        #expect(try registrationFault { $0.flags = [.userPresent, .backedUp] } == .malformed, "backed up without being eligible")
        #expect(try registrationFault { $0.credentialID = [] } == .malformed)
        #expect(try registrationFault { $0.credentialID = [UInt8](repeating: 1, count: 1024) } == .malformed)
    }

    @Test func `only a credential that vouches for itself is taken`() throws {
        let device = try SoftAuthenticator()
        let client = try device.register("c").clientData
        func fault(_ format: String, _ statement: [(String, CBORValue)]) throws -> PasskeyFault? {
            let answer = RegistrationAnswer(
                clientData: client, attestation: try device.attestation(format: format, statement: statement))
            do { _ = try party().register(answer) } catch let fault as PasskeyFault { return fault }
            return nil
        }
        let signature = try device.sign(device.authenticatorData(withCredential: true) + SHA256.digest(client))
        #expect(try fault("packed", [("alg", .integer(-7)), ("sig", .bytes(signature))]) == nil)
        #expect(try fault("packed", [("alg", .integer(-257)), ("sig", .bytes(signature))]) == .attestation)
        #expect(try fault("packed", [("alg", .integer(-7)), ("sig", .bytes(device.sign([1])))]) == .attestation)
        #expect(
            try fault("packed", [("alg", .integer(-7)), ("sig", .bytes(signature)), ("x5c", .array([.bytes([1])]))]) == .attestation
        )
        #expect(try fault("none", [("alg", .integer(-7))]) == .attestation)
        #expect(try fault("android-safetynet", []) == .attestation)
    }

    // MARK: - Signing in

    private func assertionFault(
        counter: UInt32 = 0, isBackupEligible: Bool = false, isVerificationRequired: Bool = false,
        _ change: (inout SoftAuthenticator) -> Void
    ) throws -> PasskeyFault? {
        var device = try SoftAuthenticator()
        let passkey = try device.passkey(counter: counter, isBackupEligible: isBackupEligible)
        change(&device)
        do {
            _ = try party().assert(device.assert("c"), by: passkey, isVerificationRequired: isVerificationRequired)
        } catch let fault as PasskeyFault { return fault }
        return nil
    }

    @Test func `an assertion meets the same checks of origin, party, type and presence`() throws {
        #expect(try assertionFault { _ in } == nil)
        #expect(try assertionFault { $0.origin = "https://evil.example" } == .origin)
        #expect(try assertionFault { $0.relyingParty = "evil.example" } == .relyingParty)
        #expect(try assertionFault { $0.type = "webauthn.create" } == .ceremony)
        #expect(try assertionFault { $0.flags = [] } == .presence)
    }

    @Test func `without verification a passkey is a second factor and no first one`() throws {
        #expect(try assertionFault { $0.flags = [.userPresent] } == nil)
        #expect(try assertionFault(isVerificationRequired: true) { $0.flags = [.userPresent] } == .verification)
    }

    @Test(
        arguments: [
            (0, 0, nil), (0, 1, nil), (5, 6, nil), (5, 5, .counter), (5, 4, .counter), (5, 0, .counter),
            (UInt32.max, UInt32.max, .counter), (UInt32.max, 0, .counter), (4, UInt32.max, nil),
        ] as [(UInt32, UInt32, PasskeyFault?)])
    func `a counter that does not grow tells of a copy`(_ stored: UInt32, _ sent: UInt32, _ expected: PasskeyFault?) throws {
        #expect(try assertionFault(counter: stored) { $0.counter = sent } == expected)
    }

    @Test func `a passkey does not change between one device and many`() throws {
        #expect(try assertionFault { $0.flags.insert(.backupEligible) } == .backup)
        #expect(try assertionFault(isBackupEligible: true) { _ in } == .backup)
        #expect(try assertionFault(isBackupEligible: true) { $0.flags.formUnion([.backupEligible, .backedUp]) } == nil)
    }
}
