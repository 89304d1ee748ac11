internal import COpenSSL
internal import Glibc
package import Primitives

extension Stream {
    /// Completes the TLS handshake; returns at once on a plain stream.
    /// - Throws: `.tls` when the peer's offer is refused, `.timeout`, `.closed`.
    package func handshake(deadline: MonotonicTime) async throws(SocketError) {
        guard let session = unsafe session else { return }
        while true {
            if isClosed { throw SocketError(.closed) }
            let code = unsafe SSL_do_handshake(session)
            if code == 1 { break }
            switch failure(of: code) {
            case .wantsRead: try await waitForReading(until: deadline)
            case .wantsWrite: try await waitForWriting(until: deadline)
            case .failed(let error): throw error
            case .end, .bytes: throw SocketError(.closed)
            }
        }
        isEstablished = true
    }

    /// Gives back the memory TLS holds between records, about 16 KiB; the next record takes it again (R9).
    package func park() {
        if !isClosed, let session = unsafe session { unsafe SSL_free_buffers(session) }
    }

    /// True when the peer chose HTTP/2 in the handshake (RFC 7301, RFC 9113 §3.2).
    package var speaksHTTP2: Bool {
        guard !isClosed, let session = unsafe session else { return false }
        var name: UnsafePointer<UInt8>?
        var length: UInt32 = 0
        unsafe SSL_get0_alpn_selected(session, &name, &length)
        guard length == 2, let name = unsafe name else { return false }
        return unsafe memcmp(name, "h2", 2) == 0
    }

    /// SHA-256 of the peer's certificate in DER; nil when it presented none.
    package var peerCertificateDigest: [UInt8]? {
        guard !isClosed, let session = unsafe session, let certificate = unsafe SSL_get1_peer_certificate(session) else {
            return nil
        }
        defer { unsafe X509_free(certificate) }
        var digest = [UInt8](repeating: 0, count: 32)
        var length: UInt32 = 0
        guard unsafe X509_digest(certificate, EVP_sha256(), &digest, &length) == 1, length == 32 else {
            _ = takeTLSErrorText()
            return nil
        }
        return digest
    }

    /// The common name in the subject of the peer's certificate; nil when it has none, several, or one that is no plain text.
    package var peerCertificateName: String? {
        guard !isClosed, let session = unsafe session, let certificate = unsafe SSL_get1_peer_certificate(session) else {
            return nil
        }
        defer { unsafe X509_free(certificate) }
        guard let subject = unsafe X509_get_subject_name(certificate) else { return nil }
        let first = unsafe X509_NAME_get_index_by_NID(subject, NID_commonName, -1)
        guard first >= 0, unsafe X509_NAME_get_index_by_NID(subject, NID_commonName, first) == -1 else { return nil }
        var text: UnsafeMutablePointer<UInt8>?
        let value = unsafe X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, first))
        let length = unsafe ASN1_STRING_to_UTF8(&text, value)
        guard length > 0, let text = unsafe text else {
            _ = takeTLSErrorText()
            return nil
        }
        defer { unsafe CRYPTO_free(text, nil, 0) }
        let name = unsafe String(decoding: UnsafeBufferPointer(start: text, count: Int(length)), as: UTF8.self)
        return name.utf8.count <= 128 && name.unicodeScalars.allSatisfy { $0.value >= 0x20 && $0.value != 0x7F } ? name : nil
    }

    /// What the peer's certificate calls it beside its subject: DNS names, URIs and mail addresses, at most 16, each of at most 512
    /// visible characters.
    package var peerAlternativeNames: [(kind: AlternativeNameKind, value: String)] {
        guard !isClosed, let session = unsafe session, let certificate = unsafe SSL_get1_peer_certificate(session) else {
            return []
        }
        defer { unsafe X509_free(certificate) }
        var names: [(kind: AlternativeNameKind, value: String)] = []
        var buffer = [UInt8](repeating: 0, count: 512)
        for index in 0..<CInt(16) {
            var kind: CInt = 0
            let length = unsafe gh_alternative_name(certificate, index, &kind, &buffer, CInt(buffer.count))
            guard length >= 0 else { break }
            guard length > 0, let kind = AlternativeNameKind(kind) else { continue }
            names.append((kind, String(decoding: buffer.prefix(Int(length)), as: UTF8.self)))
        }
        _ = takeTLSErrorText()
        return names
    }

    /// Sends close_notify, so that the peer can tell our end from a cut (RFC 8446 §6.1). Once, and never after a failure.
    func closeSession() {
        guard isEstablished, let session = unsafe session else { return }
        isEstablished = false
        if unsafe SSL_shutdown(session) < 0 { _ = takeTLSErrorText() }
    }

    /// Translates what a TLS call said, and leaves OpenSSL's error queue empty (R5).
    func failure(of code: CInt) -> Attempt {
        guard let session = unsafe session else { return .failed(SocketError(.closed)) }
        switch unsafe SSL_get_error(session, code) {
        case SSL_ERROR_WANT_READ: return .wantsRead
        case SSL_ERROR_WANT_WRITE: return .wantsWrite
        case SSL_ERROR_ZERO_RETURN: return .end
        case SSL_ERROR_SYSCALL:
            isEstablished = false
            _ = takeTLSErrorText()
            return .failed(SocketError(.closed))
        default:
            isEstablished = false
            return .failed(SocketError(.tls, detail: takeTLSErrorText()))
        }
    }
}

/// Which kind of name a certificate gives its holder (RFC 5280 §4.2.1.6).
package enum AlternativeNameKind: Sendable {
    case mail, host, uri

    fileprivate init?(_ type: CInt) {
        switch type {
        case GEN_EMAIL: self = .mail
        case GEN_DNS: self = .host
        case GEN_URI: self = .uri
        default: return nil
        }
    }
}
