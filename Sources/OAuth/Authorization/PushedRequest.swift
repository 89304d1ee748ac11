internal import Crypto
internal import HTTP
internal import Primitives

/// The reference of a pushed request (RFC 9126 §2.2).
enum PushedRequest {
    static let prefix = "urn:ietf:params:oauth:request_uri:"

    /// 43 characters of 256 random bits.
    static func freshValue() -> String { Base64.encode(Random.bytes(32)) }

    /// The random part; nil unless the URI is of our form.
    static func value(of uri: String) -> String? {
        guard uri.hasPrefix(prefix) else { return nil }
        let value = String(uri.dropFirst(prefix.count))
        return PKCE.isChallenge(value) ? value : nil
    }

    /// The parameters to keep: everything but what authenticated the client.
    static func text(of form: Parameters) -> String {
        form.parameters.filter { !["client_secret", "client_assertion", "client_assertion_type"].contains($0.name) }
            .map { PercentEncoding.encode($0.name) + "=" + PercentEncoding.encode($0.value) }.joined(separator: "&")
    }
}
