internal import Client
internal import Crypto
internal import HTTP
internal import Primitives
internal import Synchronization

/// One object of a bucket.
struct StoredFile: Sendable {
    let key: String
    let size: Int
    let etag: String?
    let modified: String?
}

/// One bucket of the caller's storage.
struct StorageBucket: Sendable {
    let origin: StorageOrigin
    let name: String
    let signer: @Sendable () -> SignatureV4

    /// More objects than this are not listed.
    private static let maximumFiles = 10_000

    /// Path style, which every S3 understands.
    var url: String { origin.url + path("") }

    private func path(_ key: String) -> String {
        let parts =
            key.isEmpty
            ? [] : key.split(separator: "/", omittingEmptySubsequences: false).map { PercentEncoding.encode(String($0)) }
        return origin.path + "/" + ([PercentEncoding.encode(name)] + parts).joined(separator: "/")
    }

    /// Anyone who holds it may read (GET) or write (PUT) the object until it expires.
    func presigned(_ key: String, _ lifetime: Duration, _ method: Method = .get) -> String {
        let query = signer().presignedQuery(method, host: origin.host, path: path(key), lifetime: lifetime)
        return "\(origin.url)\(path(key))?\(query)"
    }

    /// All objects under a prefix, page by page (ListObjects version 1, as the official SDK uses).
    func list(prefix: String, _ session: QarnotSession) async throws(QarnotFailure) -> (files: [StoredFile], isTruncated: Bool) {
        var files: [StoredFile] = []
        var marker = ""
        while true {
            let page = try await page(prefix, after: marker, session)
            files += page.files
            guard page.isTruncated, let last = page.files.last else { return (files, false) }
            guard files.count < Self.maximumFiles else { return (files, true) }
            marker = page.next ?? last.key
        }
    }

    func page(_ prefix: String, after marker: String, limit: Int = 1000, _ session: QarnotSession) async throws(QarnotFailure)
        -> BucketListing
    {
        var query = [("encoding-type", "url"), ("max-keys", String(limit))]
        if !prefix.isEmpty { query.append(("prefix", prefix)) }
        if !marker.isEmpty { query.append(("marker", marker)) }
        let response = try await send(.get, "", query: query, session)
        guard let listing = BucketListing(response.body) else {
            throw QarnotFailure(.unexpectedAnswer, "The storage's answer is no listing.")
        }
        return listing
    }

    /// Sends one signed request and reads refusals. Repeated when storage is busy: every request here may be.
    /// - Parameter key: empty for the bucket itself.
    func send(
        _ method: Method, _ key: String, query: [(String, String)] = [], fields: [(String, String)] = [], body: [UInt8] = [],
        _ session: QarnotSession
    ) async throws(QarnotFailure) -> OutboundResponse {
        var attempt = 1
        while true {
            let failure: QarnotFailure
            do throws(ClientError) {
                let request = request(method, key, query, fields, body, session.engine.settings)
                let response = try await session.engine.client.send(request)
                if (200..<300).contains(response.status) { return response }
                failure = QarnotFailure(storage: response, bucket: name, key: key)
            } catch {
                failure = QarnotFailure(storage: error)
            }
            guard failure.isRetryable, attempt < QarnotSession.attempts else { throw failure }
            try await session.pause(QarnotSession.backoff(attempt))
            attempt += 1
        }
    }

    private func request(
        _ method: Method, _ key: String, _ query: [(String, String)], _ fields: [(String, String)], _ body: [UInt8],
        _ settings: QarnotEngine.Settings
    ) -> OutboundRequest {
        let signature = signer()
        let digest = body.isEmpty ? SignatureV4.emptyDigest : Hex.encode(SHA256.digest(body))
        let path = path(key)
        let authorization = signature.header(method, host: origin.host, path: path, query: query, digest: digest)
        let target = origin.url + path + (query.isEmpty ? "" : "?" + SignatureV4.canonical(query))
        return OutboundRequest(
            method, target,
            fields: [("X-Amz-Date", signature.date), ("X-Amz-Content-SHA256", digest), ("Authorization", authorization)] + fields,
            body: body, connectTimeout: settings.connectTimeout, timeout: settings.requestTimeout,
            maximumResponseBytes: settings.maximumResponseBytes)
    }
}

extension QarnotFailure {
    /// Reads storage's refusal; its text is XML for machines, so that only the code is told.
    init(storage response: OutboundResponse, bucket: String, key: String) {
        let status = response.status
        let code = StorageXML.text(of: "Code", in: response.body) ?? ""
        switch status {
        case 404 where code == "NoSuchKey" || !key.isEmpty && code != "NoSuchBucket":
            self.init(.notFound, "The bucket \(bucket) has no file \(key).", status: status)
        case 404: self.init(.notFound, "The bucket \(bucket) does not exist.", status: status)
        case 409: self.init(.conflict, "The bucket \(bucket) is not empty.", status: status)
        case 429, 500...:
            self.init(.storageUnavailable, "Qarnot's storage failed to answer.", status: status, isRetryable: true)
        default:
            let reason = code.isEmpty ? "" : " (\(code.prefix(64)))"
            self.init(.storageRefused, "Qarnot's storage refused the request\(reason).", status: status)
        }
    }

    init(storage error: ClientError) {
        let failure = QarnotFailure(error)
        switch failure.code {
        case .cancelled: self = failure
        case .unexpectedAnswer: self.init(.unexpectedAnswer, "The storage's answer is too large.")
        default: self.init(.storageUnavailable, "Qarnot's storage cannot be reached.", isRetryable: error.code != .timeout)
        }
    }
}

/// Where storage is.
struct StorageOrigin: Sendable {
    /// Scheme, host and port.
    let url: String
    /// As the `Host` field says it.
    let host: String
    /// Before the bucket's name; usually empty.
    let path: String

    init?(_ text: String) {
        guard let reference = URLReference(text), reference.scheme == "http" || reference.scheme == "https", !reference.hasUserInfo,
            reference.query == nil, reference.fragment == nil, !reference.host.isEmpty
        else { return nil }
        let name = reference.isIPv6 ? "[\(reference.host)]" : reference.host
        let isDefault = reference.port == nil || reference.port == (reference.scheme == "https" ? 443 : 80)
        host = isDefault ? name : "\(name):\(reference.port ?? 0)"
        url = "\(reference.scheme)://\(host)"
        path = reference.path.hasSuffix("/") ? String(reference.path.dropLast()) : reference.path
    }
}

/// What `/settings` said of storage, kept for a while: it is the same for everyone.
final class StorageLocation: Sendable {
    private static let lifetime = Duration.seconds(300)

    private let known = Mutex<(origin: StorageOrigin, until: MonotonicTime)?>(nil)

    var current: StorageOrigin? {
        known.withLock { known in known.flatMap { $0.until > .now() ? $0.origin : nil } }
    }

    func remember(_ origin: StorageOrigin) { known.withLock { $0 = (origin, .now() + Self.lifetime) } }
}

extension QarnotSession {
    /// A bucket of the caller, ready to be read.
    func bucket(_ name: String) async throws(QarnotFailure) -> StorageBucket {
        let origin = try await storageOrigin()
        // The access key goes with the key in hand: remembering it by user could pair it with a replaced one.
        guard let email = try await get("info")["email"]?.string, !email.isEmpty else {
            throw QarnotFailure(.storageUnavailable, "Qarnot does not say who owns this key, so that its storage cannot be opened.")
        }
        let (key, now) = (key, engine.now)
        return StorageBucket(origin: origin, name: name) { SignatureV4(accessKey: email, secret: key, time: now()) }
    }

    private func storageOrigin() async throws(QarnotFailure) -> StorageOrigin {
        if let origin = engine.settings.storageURL.flatMap(StorageOrigin.init) ?? engine.storage.current { return origin }
        guard let origin = try await get("settings")["storage"]?.string.flatMap(StorageOrigin.init) else {
            throw QarnotFailure(.storageUnavailable, "This Qarnot service has no storage.")
        }
        engine.storage.remember(origin)
        return origin
    }
}
