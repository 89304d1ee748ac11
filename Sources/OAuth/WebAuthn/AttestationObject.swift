internal import Crypto

/// The answer to a registration (WebAuthn level 3 §6.5): a credential that vouches for itself and for nothing else. We ask for no
/// attestation; a statement of a manufacturer could not be checked against anything here and is refused rather than ignored.
package struct AttestationObject: Sendable {
    package let data: AuthenticatorData
    package let credential: AuthenticatorData.AttestedCredential
    private let rawData: [UInt8]
    /// Of `packed` self attestation (§8.2); nil of `none`.
    private let signature: [UInt8]?

    /// - Throws: `.malformed`, `.algorithm`, or `.attestation` for a statement that is neither `none` nor the credential's own.
    package init(_ bytes: [UInt8]) throws(PasskeyFault) {
        guard bytes.count <= 2 * AuthenticatorData.maximumCount, let value = try? CBORValue(parsing: bytes),
            value.pairs?.count == 3, let format = value[.text("fmt")]?.text, let statement = value[.text("attStmt")],
            let rawData = value[.text("authData")]?.bytes
        else { throw .malformed }
        data = try AuthenticatorData(rawData)
        guard let credential = data.credential else { throw .malformed }
        self.credential = credential
        self.rawData = rawData
        switch (format, statement.pairs?.count) {
        case ("none", 0): signature = nil
        case ("packed", 2):
            guard statement[.text("alg")]?.integer == credential.key.algorithm.rawValue,
                let signature = statement[.text("sig")]?.bytes
            else { throw .attestation }
            self.signature = signature
        default: throw .attestation
        }
    }

    /// A self attestation is the credential's own signature; `none` has nothing to be wrong.
    package func isSelfAsserted(over clientDataHash: [UInt8]) -> Bool {
        signature.map { credential.key.verifies($0, of: rawData + clientDataHash) } ?? true
    }
}
