/// A certificate the peer presented in our own handshake, its chain and its key proven (AUTH-4).
package final class ClientCertificate: Sendable {
    /// SHA-256 of the DER form, 32 bytes.
    package let digest: [UInt8]
    /// The one common name of its subject; nil when there is none, or more than one.
    package let commonName: String?

    package init(digest: [UInt8], commonName: String?) {
        self.digest = digest
        self.commonName = commonName
    }
}
