package import Primitives

/// A certificate authority for one machine: P-256, 10 years, and by default unable to sign for any name but its own
/// (RFC 5280 §4.2.1.10), so that a stolen key cannot impersonate the rest of the network to whoever trusts it.
package struct CertificateAuthority: Sendable {
    /// A certificate and its private key, both PEM; the key is unencrypted PKCS#8.
    package struct Identity: Sendable {
        package let certificate: String
        package let key: Secret

        package init(certificate: String, key: Secret) {
            self.certificate = certificate
            self.key = key
        }
    }

    /// Days a certificate of the authority itself is valid.
    package static let authorityDays = 3650
    /// Days a leaf is valid.
    package static let leafDays = 730

    package let identity: Identity

    /// An authority made earlier.
    /// - Throws: `.malformed` when the texts are no certificate of an authority and its key.
    package init(_ identity: Identity) throws(CryptoError) {
        let certificate = try Certificate(pem: identity.certificate)
        let key = try PrivateKey(pem: identity.key)
        guard certificate.isAuthority, certificate.matches(key) else { throw .raised(.malformed) }
        self.identity = identity
    }

    private init(made identity: Identity) { self.identity = identity }

    /// A new authority.
    /// - Parameters:
    ///   - name: its common name, at most 64 characters.
    ///   - permitted: what it may sign for; empty for any name.
    ///   - now: valid from an hour before, for clocks that differ.
    package static func make(
        named name: String, permitted: [SubjectName] = SubjectName.local, at now: Timestamp = .now()
    ) throws(CryptoError) -> CertificateAuthority {
        let key = try PrivateKey()
        let certificate = try Certificate.make(commonName: name, key: key, from: now, days: authorityDays)
        try certificate.extend(.basicConstraints, "critical,CA:TRUE,pathlen:0")
        try certificate.extend(.keyUsage, "critical,keyCertSign,cRLSign")
        if !permitted.isEmpty {
            try certificate.extend(.nameConstraints, "critical," + list(permitted, \.constraintText))
        }
        try certificate.signItself(with: key)
        return CertificateAuthority(made: Identity(certificate: try certificate.pem(), key: try key.pem()))
    }

    /// A server certificate with a key of its own.
    /// - Parameter names: at least one; hosts and addresses it answers to.
    /// - Throws: `.malformed` when a name is no host name.
    package func issue(for names: [SubjectName] = SubjectName.local, at now: Timestamp = .now()) throws(CryptoError) -> Identity {
        guard let first = names.first else { throw CryptoError(.malformed) }
        let issuer = try Certificate(pem: identity.certificate)
        let issuerKey = try PrivateKey(pem: identity.key)
        let key = try PrivateKey()
        let leaf = try Certificate.make(commonName: Self.commonName(first), key: key, from: now, days: Self.leafDays)
        try leaf.setIssuer(issuer)
        try leaf.extend(.basicConstraints, "critical,CA:FALSE")
        try leaf.extend(.keyUsage, "critical,digitalSignature")
        try leaf.extend(.extendedKeyUsage, "serverAuth")
        try leaf.extend(.subjectAlternativeName, Self.list(names, \.extensionText))
        try leaf.sign(with: issuerKey, issuer: issuer)
        return Identity(certificate: try leaf.pem(), key: try key.pem())
    }

    /// For people: readers match the alternative names only. A common name holds at most 64 characters (RFC 5280 §A.1).
    private static func commonName(_ name: SubjectName) -> String {
        switch name {
        case .host(let host): host.utf8.count <= 64 ? host : "Gatehouse"
        case .address(let address): address.description
        }
    }

    private static func list(_ names: [SubjectName], _ text: (SubjectName) -> String?) throws(CryptoError) -> String {
        let texts = names.compactMap(text)
        guard texts.count == names.count else { throw CryptoError(.malformed) }
        return texts.joined(separator: ",")
    }
}
