internal import COpenSSL
internal import Glibc
internal import Synchronization

/// The server side of TLS: certificate, key and rules, shared by all loops. `reload` swaps them for new handshakes.
///
/// Sendable: the current `SSL_CTX` is behind a lock and reference-counted by OpenSSL, which allows its use from several
/// threads; `method` is written once.
@safe package final class TLSContext: @unchecked Sendable {
    /// Where the material comes from; PEM files.
    package struct Files: Sendable {
        /// The certificate chain, leaf first.
        package var certificate: String
        package var key: String
        /// Authorities whose client certificates we accept when one is offered; nil never asks.
        package var clientAuthorities: String?

        package init(certificate: String, key: String, clientAuthorities: String? = nil) {
            self.certificate = certificate
            self.key = key
            self.clientAuthorities = clientAuthorities
        }
    }

    private let current: Mutex<Handle>
    private let method: OpaquePointer
    private let tickets: TicketKeys

    /// One reference to an `SSL_CTX`.
    @safe private struct Handle: ~Copyable, @unchecked Sendable {
        // Sendable: OpenSSL counts references to a context atomically and never changes one after set-up.
        let context: OpaquePointer
        deinit { unsafe SSL_CTX_free(context) }
    }

    /// - Throws: `TLSError` naming the file that is missing, malformed or does not match.
    package convenience init(_ files: Files) throws(TLSError) { try self.init(files, tickets: TicketKeys()) }

    init(_ files: Files, tickets: TicketKeys) throws(TLSError) {
        guard let method = unsafe SocketBIO.makeMethod() else { throw TLSError(.setup) }
        unsafe self.method = method
        self.tickets = tickets
        current = unsafe Mutex(Handle(context: unsafe try Self.makeContext(files, tickets)))
    }

    deinit { unsafe BIO_meth_free(method) }

    /// Reads the files again. Handshakes from now on use them, running connections keep what they have; on an error nothing
    /// changes.
    package func reload(_ files: Files) throws(TLSError) {
        let next = unsafe Handle(context: unsafe try Self.makeContext(files, tickets))
        replace(with: next)
    }

    private func replace(with next: consuming Handle) {
        var incoming: Handle? = consume next
        current.withLock { handle in
            if let taken = incoming.take() { handle = taken }
        }
    }

    /// A server session that reads and writes through `socket`; the caller frees it.
    func makeSession(_ socket: UnsafeMutablePointer<SocketState>) -> OpaquePointer? {
        let made = current.withLock { unsafe UInt(bitPattern: SSL_new($0.context)) }
        guard let session = unsafe OpaquePointer(bitPattern: made) else { return nil }
        guard let bio = unsafe BIO_new(method) else {
            unsafe SSL_free(session)
            return nil
        }
        unsafe BIO_set_data(bio, socket)
        unsafe BIO_set_init(unsafe bio, 1)
        unsafe SSL_set_bio(session, bio, bio)
        unsafe SSL_set_accept_state(session)
        return unsafe session
    }

    // TLS 1.2 offers forward secrecy and AEAD only; the suites of 1.3 are all of that kind.
    private static let ciphers12 =
        "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-AES128-GCM-SHA256:"
        + "ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305"

    private static func makeContext(_ files: Files, _ tickets: TicketKeys) throws(TLSError) -> OpaquePointer {
        guard let context = unsafe SSL_CTX_new(TLS_server_method()) else { throw TLSError(.setup) }
        do throws(TLSError) {
            unsafe try configure(context)
            unsafe tickets.install(in: context)
            unsafe try load(files, into: context)
            return unsafe context
        } catch {
            unsafe SSL_CTX_free(context)
            throw error
        }
    }

    private static func configure(_ context: OpaquePointer) throws(TLSError) {
        unsafe gh_ssl_ctx_set_strict_options(context)
        unsafe gh_ssl_ctx_set_mode(
            context,
            Int(SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS))
        unsafe gh_ssl_ctx_set_read_ahead(context, 1)
        let session: [UInt8] = Array("gatehouse".utf8)
        guard unsafe gh_ssl_ctx_set_min_proto_version(context, TLS1_2_VERSION) == 1,
            unsafe gh_ssl_ctx_set_max_proto_version(context, TLS1_3_VERSION) == 1,
            unsafe SSL_CTX_set_cipher_list(context, ciphers12) == 1,
            unsafe gh_ssl_ctx_set1_groups_list(context, "X25519:P-256:P-384") == 1,
            unsafe SSL_CTX_set_max_early_data(context, 0) == 1,
            unsafe SSL_CTX_set_session_id_context(context, session, UInt32(session.count)) == 1
        else { throw TLSError(.setup) }
        // Resumption by tickets alone: no shared cache to lock. One a connection: a client that opens several at once does
        // without for the others, and each costs as much as a twentieth of a handshake.
        guard unsafe SSL_CTX_set_num_tickets(context, 1) == 1 else { throw TLSError(.setup) }
        unsafe gh_ssl_ctx_set_session_cache_mode(context, Int(SSL_SESS_CACHE_OFF))
        unsafe SSL_CTX_set_alpn_select_cb(context, chooseProtocol, nil)
    }

    private static func load(_ files: Files, into context: OpaquePointer) throws(TLSError) {
        guard unsafe SSL_CTX_use_certificate_chain_file(context, files.certificate) == 1 else {
            throw TLSError(.certificate, path: files.certificate)
        }
        guard unsafe SSL_CTX_use_PrivateKey_file(context, files.key, SSL_FILETYPE_PEM) == 1,
            unsafe SSL_CTX_check_private_key(context) == 1
        else { throw TLSError(.key, path: files.key) }
        guard let path = files.clientAuthorities else { return }
        guard let names = unsafe SSL_load_client_CA_file(path), unsafe SSL_CTX_load_verify_locations(context, path, nil) == 1
        else { throw TLSError(.clientAuthorities, path: path) }
        unsafe SSL_CTX_set_client_CA_list(context, names)
        // Optional: a certificate that is offered must verify; which route needs one is not decided here.
        unsafe SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nil)
    }
}

/// RFC 7301: picks h2, else http/1.1, and ends the handshake when only other protocols are offered (HTTP-5, no fallback).
private let chooseProtocol: SSL_CTX_alpn_select_cb_func = { _, out, outLength, offered, offeredLength, _ in
    guard let offered = unsafe offered, let out = unsafe out, let outLength = unsafe outLength else {
        return SSL_TLSEXT_ERR_ALERT_FATAL
    }
    let wanted: [StaticString] = ["h2", "http/1.1"]
    for name in wanted {
        var index = 0
        while index < Int(offeredLength) {
            let length = Int(unsafe offered[index])
            guard index + 1 + length <= Int(offeredLength) else { break }
            if length == name.utf8CodeUnitCount, unsafe memcmp(offered + index + 1, name.utf8Start, length) == 0 {
                unsafe out.pointee = offered + index + 1
                unsafe outLength.pointee = UInt8(length)
                return SSL_TLSEXT_ERR_OK
            }
            index += 1 + length
        }
    }
    return SSL_TLSEXT_ERR_ALERT_FATAL
}
