import HTTP
import Primitives

@testable import Crypto
@testable import OAuth

/// An authenticator without a device: makes passkeys and signs, and lies where a test tells it to.
struct SoftAuthenticator {
    let key: SigningKey
    var credentialID = Random.bytes(32)
    var userHandle: [UInt8] = []
    var origin = World.issuer
    var relyingParty = "gate.example"
    var flags: AuthenticatorData.Flags = [.userPresent, .userVerified]
    var counter: UInt32 = 1
    var type: String?
    /// Members put into the client data beside the usual ones.
    var moreClientData: [(String, JSONValue)] = []

    init() throws { key = try SigningKey() }

    private func clientData(_ ceremony: ClientData.Ceremony, _ challenge: String) -> [UInt8] {
        var object = JSONObject([
            ("type", .string(type ?? ceremony.rawValue)), ("challenge", .string(challenge)), ("origin", .string(origin)),
        ])
        for (name, value) in moreClientData { object[name] = value }
        return JSONValue.object(object).serialized
    }

    func authenticatorData(withCredential: Bool) throws -> [UInt8] {
        var flags = flags
        if withCredential { flags.insert(.hasCredential) }
        let head =
            SHA256.digest(Array(relyingParty.utf8)) + [flags.rawValue]
            + (0..<4).map { UInt8(truncatingIfNeeded: counter >> (24 - 8 * $0)) }
        guard withCredential else { return head }
        let length = [UInt8(credentialID.count >> 8), UInt8(credentialID.count & 0xFF)]
        return head + [UInt8](repeating: 0, count: 16) + length + credentialID + (try coseKey)
    }

    var coseKey: [UInt8] {
        get throws {
            guard case .p256(let x, let y) = key.publicKey.material else { throw CryptoError(.failed) }
            let members: [(Int64, CBORValue)] = [
                (1, .integer(2)), (3, .integer(-7)), (-1, .integer(1)), (-2, .bytes(x)), (-3, .bytes(y)),
            ]
            return CBORValue.map(members.map { CBORValue.Pair(key: .integer($0.0), value: $0.1) }).serialized
        }
    }

    func attestation(format: String = "none", statement: [(String, CBORValue)] = []) throws -> [UInt8] {
        CBORValue.map([
            .init(key: .text("fmt"), value: .text(format)),
            .init(key: .text("attStmt"), value: .map(statement.map { .init(key: .text($0.0), value: $0.1) })),
            .init(key: .text("authData"), value: .bytes(try authenticatorData(withCredential: true))),
        ]).serialized
    }

    func sign(_ message: [UInt8]) throws -> [UInt8] {
        let raw = try key.signature(of: message)
        return DER.sequence(DER.integer(Array(raw[..<32])), DER.integer(Array(raw[32...])))
    }

    func register(_ challenge: String) throws -> RegistrationAnswer {
        RegistrationAnswer(clientData: clientData(.create, challenge), attestation: try attestation())
    }

    func assert(_ challenge: String) throws -> AssertionAnswer {
        let client = clientData(.get, challenge)
        let data = try authenticatorData(withCredential: false)
        return AssertionAnswer(
            credentialID: credentialID, clientData: client, authenticatorData: data,
            signature: try sign(data + SHA256.digest(client)), userHandle: userHandle)
    }

    /// The fields the script would put into the form.
    func assertionFields(_ prompt: PasskeyPrompt) throws -> [(String, String)] {
        let answer = try assert(prompt.challenge)
        return [
            ("passkey_ticket", prompt.ticket), ("passkey_id", Base64.encode(answer.credentialID)),
            ("passkey_client_data", Base64.encode(answer.clientData)),
            ("passkey_authenticator_data", Base64.encode(answer.authenticatorData)),
            ("passkey_signature", Base64.encode(answer.signature)), ("passkey_user", Base64.encode(answer.userHandle)),
        ]
    }

    func registrationFields(_ prompt: PasskeyPrompt) throws -> [(String, String)] {
        let answer = try register(prompt.challenge)
        return [
            ("passkey_ticket", prompt.ticket), ("passkey_client_data", Base64.encode(answer.clientData)),
            ("passkey_attestation", Base64.encode(answer.attestation)),
        ]
    }

    /// The passkey as the store would hold it.
    func passkey(of user: User = .ada, counter: UInt32 = 0, isBackupEligible: Bool = false) throws -> Passkey {
        Passkey(
            id: "p1", userID: user.id, credentialID: credentialID, key: try coseKey, counter: counter,
            isBackupEligible: isBackupEligible, isBackedUp: false, name: "Laptop", createdAt: .at(0), lastUsedAt: nil)
    }
}

extension Response {
    /// What the page's script would read.
    var passkeyPrompt: PasskeyPrompt? {
        guard let challenge = json["challenge"]?.string, let ticket = json["ticket"]?.string else { return nil }
        return PasskeyPrompt(
            challenge: challenge, ticket: ticket, relyingPartyID: "gate.example",
            credentials: (json["credentials"]?.array ?? []).compactMap(\.string), isVerificationRequired: false)
    }
}
