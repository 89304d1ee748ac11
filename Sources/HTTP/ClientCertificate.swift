/// A certificate the peer presented in our own handshake, its chain and its key proven (AUTH-4).
package final class ClientCertificate: Sendable {
    /// A name beside the subject; raw values are those of client metadata (RFC 8705 §2.1.2).
    package struct AlternativeName: Sendable, Hashable {
        package enum Kind: String, Sendable, CaseIterable {
            case host = "san_dns"
            case uri = "san_uri"
            case mail = "san_email"
        }

        package let kind: Kind
        /// Host names in lower case, all else as it is.
        package let value: String

        package init(_ kind: Kind, _ value: String) {
            self.kind = kind
            self.value = kind == .host ? value.lowercased() : value
        }
    }

    /// SHA-256 of the DER form, 32 bytes.
    package let digest: [UInt8]
    /// The one common name of its subject; nil when there is none, or more than one.
    package let commonName: String?
    package let alternativeNames: [AlternativeName]

    package init(digest: [UInt8], commonName: String?, alternativeNames: [AlternativeName] = []) {
        self.digest = digest
        self.commonName = commonName
        self.alternativeNames = alternativeNames
    }
}
