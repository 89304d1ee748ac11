internal import Crypto
internal import HTTP
internal import Primitives

/// The signature a storage request carries: AWS SigV4 in a header or in the query, or the older SigV2 in the query, which
/// the official SDK still uses for presigned URLs.
struct SignedRequest: Sendable {
    private enum Scheme: Sendable {
        case version4(Version4)
        case version2(expires: String, signature: String)
    }

    private struct Version4: Sendable {
        let date: String
        /// `<day>/<region>/<service>/aws4_request`; any region is accepted.
        let scope: [String]
        let signedHeaders: [String]
        let signature: String
        /// Seconds a presigned URL lives; nil for a header.
        let lifetime: Int?
    }

    private static let clockSkew = Duration.seconds(900)
    private static let maximumLifetime = 7 * 86_400

    let accessKey: String
    private let scheme: Scheme
    private let call: StorageCall

    /// Nil when there is no readable signature.
    init?(_ call: StorageCall) {
        self.call = call
        if let header = call.request.fields.single(.authorization) {
            guard let (key, version4) = Self.header(header, call) else { return nil }
            (accessKey, scheme) = (key, .version4(version4))
        } else if call["X-Amz-Algorithm"] == "AWS4-HMAC-SHA256" {
            guard let (key, version4) = Self.query(call) else { return nil }
            (accessKey, scheme) = (key, .version4(version4))
        } else if let key = call["AWSAccessKeyId"], let expires = call["Expires"], let signature = call["Signature"] {
            (accessKey, scheme) = (key, .version2(expires: expires, signature: signature))
        } else {
            return nil
        }
    }

    private static func header(_ value: String, _ call: StorageCall) -> (String, Version4)? {
        let parts = value.split(separator: " ", maxSplits: 1)
        guard parts.count == 2, parts[0] == "AWS4-HMAC-SHA256", let date = call.request.fields.single(FieldName("x-amz-date"))
        else { return nil }
        var members: [Substring: Substring] = [:]
        for part in parts[1].split(separator: ",") {
            let pair = part.drop { $0 == " " }.split(separator: "=", maxSplits: 1)
            guard pair.count == 2 else { return nil }
            members[pair[0]] = pair[1]
        }
        guard let credential = members["Credential"], let headers = members["SignedHeaders"], let signature = members["Signature"]
        else { return nil }
        return make(String(credential), date, String(headers), String(signature), lifetime: nil)
    }

    private static func query(_ call: StorageCall) -> (String, Version4)? {
        guard let credential = call["X-Amz-Credential"], let date = call["X-Amz-Date"], let headers = call["X-Amz-SignedHeaders"],
            let signature = call["X-Amz-Signature"], let lifetime = call["X-Amz-Expires"].flatMap({ Int($0) }),
            (1...maximumLifetime).contains(lifetime)
        else { return nil }
        return make(credential, date, headers, signature, lifetime: lifetime)
    }

    private static func make(_ credential: String, _ date: String, _ headers: String, _ signature: String, lifetime: Int?) -> (
        String, Version4
    )? {
        let parts = credential.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
        guard parts.count >= 5, parts[parts.count - 1] == "aws4_request", date.hasPrefix(parts[parts.count - 4]) else { return nil }
        let names = headers.split(separator: ";").map(String.init)
        guard names.contains("host") else { return nil }
        let version4 = Version4(
            date: date, scope: Array(parts.suffix(4)), signedHeaders: names, signature: signature, lifetime: lifetime)
        return (parts.dropLast(4).joined(separator: "/"), version4)
    }

    // MARK: verification

    func verify(secret: Secret, at now: Timestamp) throws(StorageError) {
        switch scheme {
        case .version4(let version4): try verify(version4, secret, now)
        case .version2(let expires, let signature): try verify(expires: expires, signature, secret, now)
        }
    }

    private func verify(_ version4: Version4, _ secret: Secret, _ now: Timestamp) throws(StorageError) {
        guard let signed = Self.time(version4.date) else { throw .accessDenied }
        if let lifetime = version4.lifetime {
            guard now >= signed - Self.clockSkew, now <= signed + .seconds(lifetime) else {
                throw StorageError(403, "AccessDenied", "Request has expired")
            }
        } else {
            guard now >= signed - Self.clockSkew, now <= signed + Self.clockSkew else {
                throw StorageError(403, "RequestTimeTooSkewed")
            }
        }
        let canonical = [
            call.method.rawValue, Self.encodePath(call.request.path), canonicalQuery(without: "X-Amz-Signature"),
            canonicalHeaders(version4.signedHeaders), version4.signedHeaders.joined(separator: ";"), try payloadDigest(),
        ].joined(separator: "\n")
        let text = [
            "AWS4-HMAC-SHA256", version4.date, version4.scope.joined(separator: "/"),
            Hex.encode(SHA256.digest(Array(canonical.utf8))),
        ].joined(separator: "\n")
        var key = Secret(Array("AWS4".utf8) + secret.expose { $0 })
        for part in version4.scope { key = Secret(HMACSHA256(key: key).code(for: Array(part.utf8))) }
        let expected = Hex.encode(HMACSHA256(key: key).code(for: Array(text.utf8)))
        guard expected == version4.signature else { throw .signatureDoesNotMatch }
    }

    /// The digest the client signed, checked against the body when it is one.
    private func payloadDigest() throws(StorageError) -> String {
        guard let claimed = call.request.fields.single(FieldName("x-amz-content-sha256")), claimed != "UNSIGNED-PAYLOAD" else {
            return "UNSIGNED-PAYLOAD"
        }
        guard !claimed.hasPrefix("STREAMING-") else {
            throw StorageError(501, "NotImplemented", "Chunked signatures are not simulated")
        }
        guard claimed == Hex.encode(SHA256.digest(call.request.body)) else { throw StorageError(400, "XAmzContentSHA256Mismatch") }
        return claimed
    }

    private func canonicalQuery(without excluded: String) -> String {
        call.query.filter { $0.name != excluded }
            .map { [PercentEncoding.encode($0.name), PercentEncoding.encode($0.value)] }
            .sorted { $0.lexicographicallyPrecedes($1) }
            .map { $0.joined(separator: "=") }.joined(separator: "&")
    }

    private func canonicalHeaders(_ names: [String]) -> String {
        let lines = call.request.fields.lines
        return names.map { name in
            let values = lines.filter { $0.name == name }.map { $0.value.split(separator: " ").joined(separator: " ") }
            return "\(name):\(values.joined(separator: ","))\n"
        }.joined()
    }

    /// The path encoded once, as S3 signs it, however the client had written it.
    private static func encodePath(_ path: String) -> String {
        path.split(separator: "/", omittingEmptySubsequences: false)
            .map { PercentEncoding.encode(PercentEncoding.decode($0.utf8) ?? String($0)) }.joined(separator: "/")
    }

    private func verify(expires: String, _ signature: String, _ secret: Secret, _ now: Timestamp) throws(StorageError) {
        guard let end = Int64(expires), now.seconds <= end else { throw StorageError(403, "AccessDenied", "Request has expired") }
        let fields = call.request.fields
        let amazon = fields.lines.filter { $0.name.hasPrefix("x-amz-") }.sorted { $0.name < $1.name }.map {
            "\($0.name):\($0.value)\n"
        }
        let resources = ["acl", "delete", "location", "partNumber", "uploadId", "uploads", "versionId", "versioning", "versions"]
        let subresource = call.query.filter { resources.contains($0.name) || $0.name.hasPrefix("response-") }
            .sorted { $0.name < $1.name }.map { $0.value.isEmpty ? $0.name : "\($0.name)=\($0.value)" }.joined(separator: "&")
        let text = [
            call.method.rawValue, fields[FieldName("content-md5")] ?? "", fields[.contentType] ?? "", expires,
            amazon.joined() + call.request.path + (subresource.isEmpty ? "" : "?" + subresource),
        ].joined(separator: "\n")
        let expected = Base64.encode(HMACSHA1(key: secret).code(for: Array(text.utf8)), .standard)
        guard expected == signature else { throw .signatureDoesNotMatch }
    }

    /// `20261120T194535Z`.
    private static func time(_ text: String) -> Timestamp? {
        let parts = Array(text)
        guard parts.count == 16, parts[8] == "T", parts[15] == "Z" else { return nil }
        let date = [parts[0..<4], parts[4..<6], parts[6..<8]].map { String($0) }.joined(separator: "-")
        let clock = [parts[9..<11], parts[11..<13], parts[13..<15]].map { String($0) }.joined(separator: ":")
        return Timestamp(rfc3339: "\(date)T\(clock)Z")
    }
}
