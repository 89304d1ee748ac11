internal import Crypto
internal import Primitives

/// What the browser says it was asked, and by whom (WebAuthn level 3 §5.8.1).
package struct ClientData: Sendable {
    package enum Ceremony: String, Sendable {
        case create = "webauthn.create"
        case get = "webauthn.get"
    }

    /// SHA-256 of the bytes, which the authenticator signs.
    package let hash: [UInt8]
    package let challenge: String

    static let maximumCount = 4096

    /// - Parameter origin: ours; nothing that merely begins like it, and no page of ours within somebody else's.
    /// - Throws: `.malformed`, `.ceremony`, `.origin`.
    package init(_ bytes: [UInt8], expecting ceremony: Ceremony, from origin: String) throws(PasskeyFault) {
        guard bytes.count <= Self.maximumCount, let object = (try? JSONValue(parsing: bytes))?.object,
            let type = object["type"]?.string, let challenge = object["challenge"]?.string
        else { throw .malformed }
        guard type == ceremony.rawValue else { throw .ceremony }
        guard object["origin"]?.string == origin, object["crossOrigin"] == nil || object["crossOrigin"] == false,
            object["topOrigin"] == nil
        else { throw .origin }
        self.challenge = challenge
        hash = SHA256.digest(bytes)
    }
}
