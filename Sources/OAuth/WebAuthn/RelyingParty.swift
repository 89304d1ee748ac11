internal import Crypto
internal import HTTP
internal import Primitives

/// Judges answers of authenticators: the steps of WebAuthn level 3 §7.1 and §7.2 that need no store (MFA-2).
package struct RelyingParty: Sendable {
    /// The host of the public URL, exactly.
    package let id: String
    private let origin: String
    private let idHash: [UInt8]

    /// Nil where browsers make no passkeys: the host is an address.
    /// - Parameter issuer: the public URL, a bare origin.
    package init?(issuer: String) {
        guard let host = URLReference(issuer)?.host, IPAddress(host) == nil, !host.hasPrefix("["), !host.isEmpty else { return nil }
        id = host
        origin = issuer
        idHash = SHA256.digest(Array(host.utf8))
    }

    /// A registration's answer, without what only the store knows (§7.1 steps 5 to 24).
    package func register(_ answer: RegistrationAnswer) throws(PasskeyFault) -> (credential: NewCredential, challenge: String) {
        let client = try ClientData(answer.clientData, expecting: .create, from: origin)
        let object = try AttestationObject(answer.attestation)
        try check(object.data, isVerificationRequired: false)
        guard object.isSelfAsserted(over: client.hash) else { throw .attestation }
        let credential = NewCredential(
            id: object.credential.id, key: object.credential.key.serialized, model: object.credential.model,
            counter: object.data.counter, isVerified: object.data.flags.contains(.userVerified),
            isBackupEligible: object.data.flags.contains(.backupEligible), isBackedUp: object.data.flags.contains(.backedUp))
        return (credential, client.challenge)
    }

    /// The challenge an assertion answers, before the passkey is looked up.
    package func challenge(of answer: AssertionAnswer) throws(PasskeyFault) -> String {
        try ClientData(answer.clientData, expecting: .get, from: origin).challenge
    }

    /// An assertion by that passkey (§7.2 steps 11 to 24). The counter is compared again where it is stored.
    /// - Parameter isVerificationRequired: the passkey is the only factor.
    package func assert(
        _ answer: AssertionAnswer, by passkey: Passkey, isVerificationRequired: Bool
    ) throws(PasskeyFault) -> AuthenticatorData {
        let client = try ClientData(answer.clientData, expecting: .get, from: origin)
        let data = try AuthenticatorData(answer.authenticatorData)
        guard data.credential == nil else { throw .malformed }
        try check(data, isVerificationRequired: isVerificationRequired)
        guard let key = try? COSEKey(serialized: passkey.key) else { throw .algorithm }
        guard key.verifies(answer.signature, of: answer.authenticatorData + client.hash) else { throw .signature }
        guard data.flags.contains(.backupEligible) == passkey.isBackupEligible else { throw .backup }
        guard data.counter > passkey.counter || (data.counter == 0 && passkey.counter == 0) else { throw .counter }
        return data
    }

    private func check(_ data: AuthenticatorData, isVerificationRequired: Bool) throws(PasskeyFault) {
        guard ConstantTime.equal(data.relyingPartyHash, idHash) else { throw .relyingParty }
        guard data.flags.contains(.userPresent) else { throw .presence }
        guard data.flags.contains(.userVerified) || !isVerificationRequired else { throw .verification }
    }
}

/// The fields of a registration form, decoded.
package struct RegistrationAnswer: Sendable {
    package let clientData: [UInt8]
    package let attestation: [UInt8]

    package init(clientData: [UInt8], attestation: [UInt8]) {
        self.clientData = clientData
        self.attestation = attestation
    }
}

/// The fields of a form signed by a passkey, decoded.
package struct AssertionAnswer: Sendable {
    package let credentialID: [UInt8]
    package let clientData: [UInt8]
    package let authenticatorData: [UInt8]
    package let signature: [UInt8]
    /// Empty when the authenticator did not say whose it is.
    package let userHandle: [UInt8]

    package init(
        credentialID: [UInt8], clientData: [UInt8], authenticatorData: [UInt8], signature: [UInt8], userHandle: [UInt8]
    ) {
        self.credentialID = credentialID
        self.clientData = clientData
        self.authenticatorData = authenticatorData
        self.signature = signature
        self.userHandle = userHandle
    }
}
