internal import HTTP
internal import Transport

extension Transport.Stream {
    /// What the peer proved in the handshake; nil when it presented nothing.
    var clientCertificate: ClientCertificate? {
        peerCertificateDigest.map { ClientCertificate(digest: $0, commonName: peerCertificateName) }
    }
}
