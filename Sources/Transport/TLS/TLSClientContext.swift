internal import COpenSSL
internal import Primitives

/// The client side of TLS: verified certificates, TLS 1.2 or newer, HTTP/1.1 only. Shared by all loops.
///
/// Sendable: OpenSSL counts references to a context atomically and never changes one after set-up; `method` is written once.
@safe package final class TLSClientContext: @unchecked Sendable {
    private let context: OpaquePointer
    private let method: OpaquePointer

    /// - Parameter authorities: a PEM file to trust beside none other; nil trusts what the system does.
    /// - Throws: `TLSError` naming the file when it cannot be read.
    package init(authorities: String? = nil) throws(TLSError) {
        guard let method = unsafe SocketBIO.makeMethod() else { throw TLSError(.setup) }
        guard let context = unsafe SSL_CTX_new(TLS_client_method()) else {
            unsafe BIO_meth_free(method)
            throw TLSError(.setup)
        }
        unsafe (self.method, self.context) = unsafe (method, context)
        unsafe gh_ssl_ctx_set_strict_options(context)
        unsafe gh_ssl_ctx_set_mode(context, Int(SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER))
        unsafe gh_ssl_ctx_set_read_ahead(context, 1)
        unsafe SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nil)
        let protocols: [UInt8] = [8] + Array("http/1.1".utf8)
        guard unsafe gh_ssl_ctx_set_min_proto_version(context, TLS1_2_VERSION) == 1,
            unsafe SSL_CTX_set_alpn_protos(context, protocols, UInt32(protocols.count)) == 0
        else { throw TLSError(.setup) }
        if let authorities {
            guard unsafe SSL_CTX_load_verify_locations(context, authorities, nil) == 1 else {
                throw TLSError(.certificate, path: authorities)
            }
        } else {
            guard unsafe SSL_CTX_set_default_verify_paths(context) == 1 else { throw TLSError(.setup) }
        }
    }

    deinit {
        unsafe SSL_CTX_free(context)
        unsafe BIO_meth_free(method)
    }

    /// A client session that reads and writes through `socket`; the caller frees it. Nil when OpenSSL refuses.
    /// - Parameter name: a host name, sent and checked, or an address, only checked (RFC 6066 §3).
    func makeSession(_ socket: UnsafeMutablePointer<SocketState>, name: String) -> OpaquePointer? {
        guard let session = unsafe SSL_new(context) else { return nil }
        let isNamed: Bool
        if IPAddress(name) != nil {
            isNamed = unsafe X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(session), name) == 1
        } else {
            isNamed = unsafe gh_ssl_set_tlsext_host_name(session, name) == 1 && SSL_set1_host(session, name) == 1
        }
        guard isNamed, let bio = unsafe BIO_new(method) else {
            unsafe SSL_free(session)
            return nil
        }
        unsafe BIO_set_data(bio, socket)
        unsafe BIO_set_init(unsafe bio, 1)
        unsafe SSL_set_bio(session, bio, bio)
        unsafe SSL_set_connect_state(session)
        return unsafe session
    }
}
