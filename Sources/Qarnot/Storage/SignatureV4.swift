internal import Crypto
internal import HTTP
internal import Primitives

/// AWS Signature Version 4 for S3, as Qarnot's storage checks it: the access key is the account's e-mail, the secret its token.
struct SignatureV4: Sendable {
    let accessKey: String
    let secret: Secret
    let region = "us-east-1"
    let time: Timestamp

    static let emptyDigest = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    private static let algorithm = "AWS4-HMAC-SHA256"

    /// `20261120T194535Z`.
    var date: String { String(time.rfc3339.prefix(19).filter { $0 != "-" && $0 != ":" }) + "Z" }

    private var scope: String { "\(date.prefix(8))/\(region)/s3/aws4_request" }

    /// The value of `Authorization`.
    /// - Parameters:
    ///   - path: percent-encoded, as it will be sent.
    ///   - query: decoded pairs, in any order.
    ///   - digest: of the body, as hexadecimal SHA-256.
    func header(
        _ method: Method, host: String, path: String, query: [(String, String)], digest: String = SignatureV4.emptyDigest
    ) -> String {
        let headers = "host:\(host)\nx-amz-content-sha256:\(digest)\nx-amz-date:\(date)\n"
        let names = "host;x-amz-content-sha256;x-amz-date"
        let signature = signature([method.rawValue, path, Self.canonical(query), headers, names, digest])
        return "\(Self.algorithm) Credential=\(accessKey)/\(scope), SignedHeaders=\(names), Signature=\(signature)"
    }

    /// The query of a presigned URL.
    func presignedQuery(_ method: Method, host: String, path: String, lifetime: Duration) -> String {
        let query = [
            ("X-Amz-Algorithm", Self.algorithm), ("X-Amz-Credential", "\(accessKey)/\(scope)"), ("X-Amz-Date", date),
            ("X-Amz-Expires", String(lifetime.secondsRoundedUp)), ("X-Amz-SignedHeaders", "host"),
        ]
        let canonical = Self.canonical(query)
        let signature = signature([method.rawValue, path, canonical, "host:\(host)\n", "host", "UNSIGNED-PAYLOAD"])
        return "\(canonical)&X-Amz-Signature=\(signature)"
    }

    /// Sorted and encoded: what is signed, and what is sent.
    static func canonical(_ query: [(String, String)]) -> String {
        query.map { [PercentEncoding.encode($0.0), PercentEncoding.encode($0.1)] }
            .sorted { $0.lexicographicallyPrecedes($1) }
            .map { $0.joined(separator: "=") }.joined(separator: "&")
    }

    private func signature(_ canonicalRequest: [String]) -> String {
        let digest = Hex.encode(SHA256.digest(Array(canonicalRequest.joined(separator: "\n").utf8)))
        let text = [Self.algorithm, date, scope, digest].joined(separator: "\n")
        var key = Secret(secret.expose { Array("AWS4".utf8) + $0 })
        for part in [String(date.prefix(8)), region, "s3", "aws4_request"] {
            key = Secret(HMACSHA256(key: key).code(for: Array(part.utf8)))
        }
        return Hex.encode(HMACSHA256(key: key).code(for: Array(text.utf8)))
    }
}
