internal import COpenSSL
internal import Glibc
package import Primitives

/// A certificate file as an operator asks about it: until when, for whom, and whether its links hold.
package struct CertificateChain: Sendable {
    package struct Facts: Sendable, Hashable {
        package let subject: String
        package let issuer: String
        package let begins: Timestamp
        package let ends: Timestamp
    }

    /// The leaf first; at least one.
    package let certificates: [Facts]
    /// Each certificate is signed by the one after it.
    package let isLinked: Bool
    private let leafPEM: String

    private static let limit = 16

    /// - Throws: `.malformed` when the text holds no certificate, or a broken one.
    package init(pem: String) throws(CryptoError) {
        let memory = try MemoryBIO.holding(Array(pem.utf8))
        var facts: [Facts] = []
        var isLinked = true
        var former: OpaquePointer?
        defer { unsafe X509_free(former) }
        while facts.count < Self.limit, let next = unsafe PEM_read_bio_X509(memory.pointer, nil, nil, nil) {
            unsafe facts.append(Self.facts(next))
            if let child = unsafe former {
                unsafe isLinked = isLinked && X509_verify(child, X509_get0_pubkey(next)) == 1
                unsafe X509_free(child)
            }
            unsafe former = next
        }
        ERR_clear_error()
        guard !facts.isEmpty else { throw CryptoError(.malformed) }
        certificates = facts
        self.isLinked = isLinked
        leafPEM = pem
    }

    /// Whether a client that asks for this host name or address accepts the leaf (RFC 9525).
    package func covers(_ host: String) -> Bool {
        guard let leaf = try? Certificate(pem: leafPEM) else { return false }
        return unsafe X509_check_host(leaf.pointer, host, host.utf8.count, 0, nil) == 1
            || X509_check_ip_asc(leaf.pointer, host, 0) == 1
    }

    /// Whether the key is the leaf's.
    package func matches(key: Secret) -> Bool {
        guard let leaf = try? Certificate(pem: leafPEM), let key = try? PrivateKey(pem: key) else { return false }
        return leaf.matches(key)
    }

    private static func facts(_ certificate: OpaquePointer) -> Facts {
        unsafe Facts(
            subject: name(X509_get_subject_name(certificate)), issuer: name(X509_get_issuer_name(certificate)),
            begins: time(X509_get0_notBefore(certificate)), ends: time(X509_get0_notAfter(certificate)))
    }

    private static func name(_ name: OpaquePointer?) -> String {
        guard let text = unsafe X509_NAME_oneline(name, nil, 0) else { return "" }
        defer { unsafe CRYPTO_free(text, nil, 0) }
        return unsafe String(cString: text)
    }

    private static func time(_ time: UnsafePointer<ASN1_TIME>?) -> Timestamp {
        var parts = unsafe tm()
        guard unsafe ASN1_TIME_to_tm(time, &parts) == 1 else { return Timestamp(seconds: 0) }
        return Timestamp(seconds: Int64(unsafe timegm(&parts)))
    }
}
