internal import Client
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

    /// Anyone who holds it may read the object until it expires.
    func presigned(_ key: String, _ lifetime: Duration) -> String {
        let query = signer().presignedQuery(.get, host: origin.host, path: path(key), lifetime: lifetime)
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

    private func page(_ prefix: String, after marker: String, _ session: QarnotSession) async throws(QarnotFailure) -> BucketListing
    {
        var query = [("encoding-type", "url"), ("max-keys", "1000")]
        if !prefix.isEmpty { query.append(("prefix", prefix)) }
        if !marker.isEmpty { query.append(("marker", marker)) }
        let signature = signer()
        let authorization = signature.header(.get, host: origin.host, path: path(""), query: query)
        let request = OutboundRequest(
            .get, "\(url)?\(SignatureV4.canonical(query))",
            fields: [
                ("X-Amz-Date", signature.date), ("X-Amz-Content-SHA256", SignatureV4.emptyDigest), ("Authorization", authorization),
            ],
            connectTimeout: session.engine.settings.connectTimeout, timeout: session.engine.settings.requestTimeout,
            maximumResponseBytes: session.engine.settings.maximumResponseBytes)
        let response: OutboundResponse
        do throws(ClientError) {
            response = try await session.engine.client.send(request)
        } catch {
            let failure = QarnotFailure(error)
            throw failure.code == .cancelled
                ? failure : QarnotFailure(.storageUnavailable, "Qarnot's storage cannot be reached.", isRetryable: true)
        }
        switch response.status {
        case 200:
            guard let listing = BucketListing(response.body) else {
                throw QarnotFailure(.unexpectedAnswer, "The storage's answer is no listing.")
            }
            return listing
        case 404: throw QarnotFailure(.notFound, "The result bucket \(name) does not exist.", status: 404)
        case 500...:
            throw QarnotFailure(
                .storageUnavailable, "Qarnot's storage failed to answer.", status: response.status, isRetryable: true)
        default: throw QarnotFailure(.storageRefused, "Qarnot's storage refused the request.", status: response.status)
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
