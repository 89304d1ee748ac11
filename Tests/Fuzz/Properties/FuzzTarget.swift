package import Foundation

/// A parser that meets strangers' bytes, with what must hold for every input, however hostile. Shared by the fuzzer and the tests
/// that replay its corpora.
package enum FuzzTarget: String, CaseIterable, Sendable {
    /// Requests of HTTP/1: heads, bodies, pipelines.
    case http1
    /// The chunked coding by itself, below any head.
    case chunked
    /// Frames through an HTTP/2 session.
    case http2
    /// The `Forwarded` field.
    case forwarded
    /// The header of the PROXY protocol.
    case proxy
    /// The `Cookie` field.
    case cookies
    /// Queries and forms.
    case forms
    /// What authenticators answer: CBOR, attestation objects, authenticator data, keys.
    case passkeys
    /// JSON, in both readers.
    case json
    /// JWS tokens and JWK keys.
    case tokens
    /// Redirect URIs: one registered, one asked for.
    case redirects
    /// Heads of the answers of servers behind us.
    case answers
    /// Event streams of servers behind us.
    case events

    /// Names the first rule the parser breaks on that input; nil when it keeps all.
    package func violation(by input: [UInt8]) -> String? {
        switch self {
        case .http1: RequestProperties.violation(by: input)
        case .chunked: ChunkedProperties.violation(by: input)
        case .http2: HTTP2Properties.violation(by: input)
        case .forwarded: FieldProperties.forwardedViolation(by: input)
        case .proxy: FieldProperties.proxyViolation(by: input)
        case .cookies: FieldProperties.cookieViolation(by: input)
        case .forms: FieldProperties.formViolation(by: input)
        case .passkeys: PasskeyProperties.violation(by: input)
        case .json: JSONProperties.violation(by: input)
        case .tokens: TokenProperties.violation(by: input)
        case .redirects: RedirectProperties.violation(by: input)
        case .answers: UpstreamProperties.headViolation(by: input)
        case .events: UpstreamProperties.eventViolation(by: input)
        }
    }

    /// Where its inputs are kept.
    package var corpus: URL {
        URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent().appending(path: "Corpus/\(rawValue)")
    }
}
