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

    package func adding(_ more: [Method]) -> AuthenticationMethods { AuthenticationMethods(methods + more) }

    /// What an accepted assertion proves.
    static func passkey(_ data: AuthenticatorData) -> [Method] {
        [data.flags.contains(.backupEligible) ? .syncedPasskey : .passkey] + (data.flags.contains(.userVerified) ? [.verified] : [])
    }
}
