// System headers of OpenSSL 3 and the macros Swift cannot import. No logic here.
#ifndef GATEHOUSE_COPENSSL_SHIM_H
#define GATEHOUSE_COPENSSL_SHIM_H

#include <string.h>

#include <openssl/bio.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <openssl/sha.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

static inline void gh_bio_set_retry_read(BIO *bio) { BIO_set_retry_read(bio); }
static inline void gh_bio_set_retry_write(BIO *bio) { BIO_set_retry_write(bio); }
static inline void gh_bio_clear_retry_flags(BIO *bio) { BIO_clear_retry_flags(bio); }
static inline void gh_ssl_set_mode(SSL *ssl, long mode) { SSL_set_mode(ssl, mode); }
static inline void gh_ssl_ctx_set_mode(SSL_CTX *context, long mode) { SSL_CTX_set_mode(context, mode); }
static inline int gh_ssl_ctx_set_min_proto_version(SSL_CTX *context, int version) {
    return (int)SSL_CTX_set_min_proto_version(context, version);
}
static inline int gh_ssl_ctx_set_max_proto_version(SSL_CTX *context, int version) {
    return (int)SSL_CTX_set_max_proto_version(context, version);
}
static inline void gh_ssl_ctx_set_read_ahead(SSL_CTX *context, int on) { SSL_CTX_set_read_ahead(context, on); }
static inline void gh_ssl_ctx_set_session_cache_mode(SSL_CTX *context, long mode) {
    SSL_CTX_set_session_cache_mode(context, mode);
}
static inline int gh_ssl_set_tlsext_host_name(SSL *ssl, const char *name) {
    return (int)SSL_set_tlsext_host_name(ssl, name);
}
// Renegotiation and compression are attack surface without a use (HTTP-5).
static inline void gh_ssl_ctx_set_strict_options(SSL_CTX *context) {
    SSL_CTX_set_options(context, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE);
}
static inline int gh_ssl_ctx_set1_groups_list(SSL_CTX *context, const char *list) {
    return (int)SSL_CTX_set1_groups_list(context, list);
}
static inline void gh_ssl_ctx_set_app_data(SSL_CTX *context, void *data) { SSL_CTX_set_app_data(context, data); }
static inline void *gh_ssl_ctx_get_app_data(SSL_CTX *context) { return SSL_CTX_get_app_data(context); }
static inline void gh_ssl_ctx_set_ticket_key_cb(
    SSL_CTX *context,
    int (*callback)(SSL *, unsigned char *, unsigned char *, EVP_CIPHER_CTX *, EVP_MAC_CTX *, int)) {
    SSL_CTX_set_tlsext_ticket_key_evp_cb(context, callback);
}
static inline int gh_evp_cipher_init(
    EVP_CIPHER_CTX *context, const EVP_CIPHER *cipher, const unsigned char *key, const unsigned char *iv, int encrypts) {
    return EVP_CipherInit_ex2(context, cipher, key, iv, encrypts, NULL);
}
static inline int gh_evp_mac_set_key(EVP_MAC_CTX *context, const unsigned char *key, size_t length) {
    OSSL_PARAM parameters[3] = {
        OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, (void *)key, length),
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, (char *)"SHA256", 0), OSSL_PARAM_construct_end()};
    return EVP_MAC_CTX_set_params(context, parameters);
}
// SHA-256 without the provider's detour, which costs more than a short text's hash (decision 0093).
#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wdeprecated-declarations"
static inline void gh_sha256(const unsigned char *bytes, size_t length, unsigned char *out) {
    SHA256_CTX context;
    SHA256_Init(&context);
    SHA256_Update(&context, bytes, length);
    SHA256_Final(out, &context);
}
// HMAC of RFC 2104: the states after the padded key, one for the text and one for its hash.
typedef struct {
    SHA256_CTX inner, outer;
} gh_hmac_sha256_key;
static inline void gh_hmac_sha256_set_key(gh_hmac_sha256_key *key, const unsigned char *bytes, size_t length) {
    unsigned char block[SHA256_CBLOCK] = {0};
    if (length > sizeof block) {
        gh_sha256(bytes, length, block);
    } else if (length > 0) {
        memcpy(block, bytes, length);
    }
    for (size_t i = 0; i < sizeof block; i++) block[i] ^= 0x36;
    SHA256_Init(&key->inner);
    SHA256_Update(&key->inner, block, sizeof block);
    for (size_t i = 0; i < sizeof block; i++) block[i] ^= 0x36 ^ 0x5c;
    SHA256_Init(&key->outer);
    SHA256_Update(&key->outer, block, sizeof block);
    OPENSSL_cleanse(block, sizeof block);
}
static inline void gh_hmac_sha256(
    const gh_hmac_sha256_key *key, const unsigned char *bytes, size_t length, unsigned char *out) {
    SHA256_CTX context = key->inner;
    SHA256_Update(&context, bytes, length);
    SHA256_Final(out, &context);
    context = key->outer;
    SHA256_Update(&context, out, SHA256_DIGEST_LENGTH);
    SHA256_Final(out, &context);
}
#pragma clang diagnostic pop
/* The index-th subject alternative name of a certificate as bytes: its length; 0 when it is no mail address, DNS name or URI, is
   longer than `capacity` or holds a control character; -1 behind the last. `kind` is GEN_EMAIL, GEN_DNS or GEN_URI. */
static inline int gh_alternative_name(
    const X509 *certificate, int index, int *kind, unsigned char *out, int capacity) {
    GENERAL_NAMES *names = (GENERAL_NAMES *)X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
    int length = -1;
    if (names != NULL && index < sk_GENERAL_NAME_num(names)) {
        const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, index);
        length = 0;
        if (name->type == GEN_EMAIL || name->type == GEN_DNS || name->type == GEN_URI) {
            const unsigned char *bytes = ASN1_STRING_get0_data(name->d.ia5);
            int count = ASN1_STRING_length(name->d.ia5);
            int isPlain = count > 0 && count <= capacity;
            for (int i = 0; isPlain && i < count; i++) isPlain = bytes[i] > 0x20 && bytes[i] < 0x7f;
            if (isPlain) {
                memcpy(out, bytes, (size_t)count);
                *kind = name->type;
                length = count;
            }
        }
    }
    GENERAL_NAMES_free(names);
    return length;
}
static inline EVP_PKEY *gh_evp_ec_gen(const char *curve) { return EVP_EC_gen(curve); }
static inline int gh_evp_cipher_ctx_ctrl_ivlen(EVP_CIPHER_CTX *context, int length) {
    return EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_GCM_SET_IVLEN, length, NULL);
}

#endif
