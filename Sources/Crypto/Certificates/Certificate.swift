internal import COpenSSL
internal import Primitives

/// An X.509 v3 certificate of OpenSSL, being made or read.
@safe struct Certificate: ~Copyable {
    let pointer: OpaquePointer

    /// The extensions of RFC 5280 §4.2.1 in use here.
    enum Extension {
        case basicConstraints, keyUsage, extendedKeyUsage, subjectAlternativeName, nameConstraints
        case subjectKeyIdentifier, authorityKeyIdentifier

        var number: CInt {
            switch self {
            case .basicConstraints: NID_basic_constraints
            case .keyUsage: NID_key_usage
            case .extendedKeyUsage: NID_ext_key_usage
            case .subjectAlternativeName: NID_subject_alt_name
            case .nameConstraints: NID_name_constraints
            case .subjectKeyIdentifier: NID_subject_key_identifier
            case .authorityKeyIdentifier: NID_authority_key_identifier
            }
        }
    }

    /// - Throws: `.malformed` unless the text starts with a PEM certificate.
    init(pem: String) throws(CryptoError) {
        let memory = try MemoryBIO.holding(Array(pem.utf8))
        guard let pointer = unsafe PEM_read_bio_X509(memory.pointer, nil, nil, nil) else { throw .raised(.malformed) }
        unsafe self.pointer = pointer
    }

    private init() throws(CryptoError) {
        guard let pointer = unsafe X509_new() else { throw .raised(.failed) }
        unsafe self.pointer = pointer
    }

    /// An unsigned certificate, its own issuer until `setIssuer` says otherwise.
    /// - Throws: `.malformed` when the name is empty or longer than 64 characters.
    static func make(
        commonName: String, key: borrowing PrivateKey, from now: Timestamp, days: Int
    ) throws(CryptoError) -> Certificate {
        let made = try Certificate()
        try made.setSerial()
        try made.setValidity(from: now, days: days)
        let text = Array(commonName.utf8)
        let isDone =
            unsafe X509_set_version(made.pointer, 2) == 1  // counted from zero: version 3
            && X509_set_pubkey(made.pointer, key.pointer) == 1
            && X509_NAME_add_entry_by_txt(
                X509_get_subject_name(made.pointer), "CN", MBSTRING_UTF8, text, CInt(text.count), -1, 0) == 1
            && X509_set_issuer_name(made.pointer, X509_get_subject_name(made.pointer)) == 1
        guard isDone else { throw .raised(.malformed) }
        return made
    }

    deinit { unsafe X509_free(pointer) }

    /// May sign certificates (RFC 5280 §4.2.1.9).
    var isAuthority: Bool { unsafe X509_check_ca(pointer) == 1 }

    borrowing func matches(_ key: borrowing PrivateKey) -> Bool { unsafe X509_check_private_key(pointer, key.pointer) == 1 }

    /// Takes the issuer's name; before extensions and signature.
    borrowing func setIssuer(_ issuer: borrowing Certificate) throws(CryptoError) {
        guard unsafe X509_set_issuer_name(pointer, X509_get_subject_name(issuer.pointer)) == 1 else { throw .raised(.failed) }
    }

    /// Adds an extension in the syntax of `x509v3_config(5)`.
    borrowing func extend(_ kind: Extension, _ value: String) throws(CryptoError) {
        try unsafe add(kind, value, issuer: pointer)
    }

    /// Names the keys of subject and issuer, and signs. Nothing may change afterwards.
    borrowing func sign(with key: borrowing PrivateKey, issuer: borrowing Certificate) throws(CryptoError) {
        try unsafe sign(with: key, issuer: issuer.pointer)
    }

    /// Signs with the certificate's own key.
    borrowing func signItself(with key: borrowing PrivateKey) throws(CryptoError) {
        try unsafe sign(with: key, issuer: pointer)
    }

    borrowing func pem() throws(CryptoError) -> String {
        let memory = try MemoryBIO()
        guard unsafe PEM_write_bio_X509(memory.pointer, pointer) == 1 else { throw .raised(.failed) }
        return String(decoding: memory.contents(), as: UTF8.self)
    }

    private borrowing func sign(with key: borrowing PrivateKey, issuer: OpaquePointer) throws(CryptoError) {
        try unsafe add(.subjectKeyIdentifier, "hash", issuer: issuer)
        try unsafe add(.authorityKeyIdentifier, "keyid:always", issuer: issuer)
        guard unsafe X509_sign(pointer, key.pointer, EVP_sha256()) > 0 else { throw .raised(.failed) }
    }

    private borrowing func add(_ kind: Extension, _ value: String, issuer: OpaquePointer) throws(CryptoError) {
        var context = unsafe X509V3_CTX()
        unsafe X509V3_set_ctx(&context, issuer, pointer, nil, nil, 0)
        guard let made = unsafe X509V3_EXT_conf_nid(nil, &context, kind.number, value) else { throw .raised(.malformed) }
        defer { unsafe X509_EXTENSION_free(made) }
        guard unsafe X509_add_ext(pointer, made, -1) == 1 else { throw .raised(.failed) }
    }

    /// 127 random bits (RFC 5280 §4.1.2.2: positive, at most 20 octets).
    private borrowing func setSerial() throws(CryptoError) {
        var bytes = Random.bytes(16)
        bytes[0] = bytes[0] & 0x7F | 0x40
        guard let number = unsafe BN_bin2bn(bytes, CInt(bytes.count), nil) else { throw .raised(.failed) }
        defer { unsafe BN_free(number) }
        guard unsafe BN_to_ASN1_INTEGER(number, X509_get_serialNumber(pointer)) != nil else { throw .raised(.failed) }
    }

    private borrowing func setValidity(from now: Timestamp, days: Int) throws(CryptoError) {
        var seconds = Int(now.seconds)
        let isDone =
            unsafe X509_time_adj_ex(X509_getm_notBefore(pointer), 0, -3600, &seconds) != nil
            && X509_time_adj_ex(X509_getm_notAfter(pointer), CInt(days), 0, &seconds) != nil
        guard isDone else { throw .raised(.failed) }
    }
}
