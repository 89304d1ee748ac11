/// The key a token is bound to (`cnf` of RFC 7800): whoever presents the token must prove it holds that key (RS-6).
package enum Confirmation: Sendable, Hashable {
    /// The RFC 7638 thumbprint of a DPoP key (RFC 9449 §6).
    case key(thumbprint: String)
    /// The base64url SHA-256 of a client certificate (RFC 8705 §3.1).
    case certificate(digest: String)

    /// `jkt:…` or `x5t#S256:…`, the stored form.
    package var text: String {
        switch self {
        case .key(let thumbprint): "jkt:" + thumbprint
        case .certificate(let digest): "x5t#S256:" + digest
        }
    }

    package init?(text: String) {
        guard let colon = text.firstIndex(of: ":") else { return nil }
        let value = String(text[text.index(after: colon)...])
        switch text[..<colon] {
        case "jkt": self = .key(thumbprint: value)
        case "x5t#S256": self = .certificate(digest: value)
        default: return nil
        }
    }

    /// The `cnf` member of a JWT or of an introspection answer.
    package var json: JSONValue {
        switch self {
        case .key(let thumbprint): ["jkt": .string(thumbprint)]
        case .certificate(let digest): ["x5t#S256": .string(digest)]
        }
    }
}
