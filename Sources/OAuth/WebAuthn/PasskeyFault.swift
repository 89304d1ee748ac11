/// Why an answer of an authenticator is refused. Raw values go into the audit log as `reason`; people read `notice`.
package enum PasskeyFault: String, Error, Sendable, Hashable, CaseIterable {
    case malformed
    /// The answer to another question than ours: `webauthn.get` for `webauthn.create`, or the reverse.
    case ceremony
    case origin
    case relyingParty = "relying_party"
    /// Not ours, used before, too old, or another browser's.
    case challenge
    case presence
    /// The authenticator did not check who it is, where that counts as the second factor.
    case verification
    case algorithm
    case attestation
    case signature
    /// The counter went back: the key was copied, or an old state of it restored.
    case counter
    /// A passkey made for one device says it is synchronised now, or the reverse.
    case backup
    /// Not registered here, or somebody else's.
    case unknown
    /// The credential id is taken.
    case taken
    case tooMany = "too_many"

    /// What a person can do about it.
    package var notice: String {
        switch self {
        case .challenge: "That took too long. Try again."
        case .unknown: "This passkey is not known here. Sign in with your password."
        case .verification: "This passkey did not ask who you are. Sign in with your password first."
        case .taken: "This passkey is registered already."
        case .tooMany: "You have \(Passkeys.maximumPerUser) passkeys. Remove one first."
        case .algorithm, .attestation: "This kind of passkey is not taken here. Try another device."
        case .counter: "This passkey cannot be trusted any more. Remove it and add it again."
        default: "The passkey was not accepted. Try again."
        }
    }
}
