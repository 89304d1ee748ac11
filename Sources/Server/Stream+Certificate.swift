internal import HTTP
internal import Transport

extension Transport.Stream {
    /// What the peer proved in the handshake; nil when it presented nothing.
    var clientCertificate: ClientCertificate? {
        peerCertificateDigest.map { digest in
            ClientCertificate(
                digest: digest, commonName: peerCertificateName,
                alternativeNames: peerAlternativeNames.map { name in
                    let kind: ClientCertificate.AlternativeName.Kind =
                        switch name.kind {
                        case .host: .host
                        case .uri: .uri
                        case .mail: .mail
                        }
                    return ClientCertificate.AlternativeName(kind, name.value)
                })
        }
    }
}
