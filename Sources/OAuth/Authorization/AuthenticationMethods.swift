package import Primitives

/// How a person proved who they are at a sign-in, in the words of RFC 8176, in the order they came.
package struct AuthenticationMethods: Sendable, Hashable {
    package enum Method: String, Sendable, CaseIterable {
        case password = "pwd"
        /// By an OpenID provider; RFC 8176 has no word for that.
        case provider = "fed"
        case code = "otp"
        /// A code kept for the day the app is lost.
        case recoveryCode = "recovery"
        /// A passkey that cannot leave its device.
        case passkey = "hwk"
        /// A passkey that is synchronised between devices.
        case syncedPasskey = "swk"
        /// The authenticator checked who it is, by PIN or body.
        case verified = "user"
    }

    package let methods: [Method]

    package init(_ methods: [Method]) { self.methods = methods }

    /// From the stored text; words this version does not know are dropped, which can only weaken what they prove.
    package init(text: String) { methods = text.split(separator: " ").compactMap { Method(rawValue: String($0)) } }

    /// The stored form.
    package var text: String { methods.map(\.rawValue).joined(separator: " ") }

    /// As the audit log names it.
    package var auditText: String {
        let words: [String] = methods.compactMap { method in
            switch method {
            case .password: "password"
            case .provider: "provider"
            case .code: "otp"
            case .recoveryCode: "recovery"
            case .passkey, .syncedPasskey: "passkey"
            case .verified: nil
            }
        }
        return words.joined(separator: " ")
    }

    /// What they prove together; nil when nothing is known (MFA-3).
    package var assurance: Assurance? {
        guard !methods.isEmpty else { return nil }
        if methods.contains(.passkey) || methods.contains(.syncedPasskey) { return .phishingResistant }
        let isKnown = methods.contains(.password) || methods.contains(.provider)
        let isHeld = methods.contains(.code) || methods.contains(.recoveryCode)
        return isKnown && isHeld ? .multiple : .single
    }

    /// The `amr` claim (RFC 8176): the words, and `mfa` when they are more than one factor.
    package var claim: [String] {
        let isVerifiedPasskey = methods.contains(.verified)
        return methods.map(\.rawValue) + (assurance == .multiple || isVerifiedPasskey || methods.count > 1 ? ["mfa"] : [])
    }

    /// What an accepted assertion proves.
    static func passkey(_ data: AuthenticatorData) -> [Method] {
        [data.flags.contains(.backupEligible) ? .syncedPasskey : .passkey] + (data.flags.contains(.userVerified) ? [.verified] : [])
    }
}
