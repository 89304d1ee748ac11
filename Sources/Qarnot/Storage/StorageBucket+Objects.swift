internal import Client
internal import Crypto
internal import HTTP
internal import Primitives

/// What one bucket can be asked to do beside listing.
extension StorageBucket {
    /// Part of an object.
    struct Part: Sendable {
        let bytes: [UInt8]
        /// Of the whole object, in bytes.
        let size: Int
        let contentType: String?
        let etag: String?
        let modified: String?
    }

    /// Reads at most `count` bytes from an offset. An offset at or beyond the end reads nothing.
    func read(_ key: String, from offset: Int, count: Int, _ session: QarnotSession) async throws(QarnotFailure) -> Part {
        let response: OutboundResponse
        do throws(QarnotFailure) {
            response = try await send(.get, key, fields: [("Range", "bytes=\(offset)-\(offset + count - 1)")], session)
        } catch {
            guard error.status == 416 else { throw error }
            // Only the listing tells the size of what no range fits: usually an empty object.
            let file = try await page(key, after: "", limit: 1, session).files.first { $0.key == key }
            return Part(bytes: [], size: file?.size ?? 0, contentType: nil, etag: file?.etag, modified: file?.modified)
        }
        let fields = response.fields
        let total = fields[FieldName("content-range")].flatMap { $0.split(separator: "/").last }.flatMap { Int($0) }
        return Part(
            bytes: response.body, size: total ?? response.body.count, contentType: fields[.contentType],
            etag: fields[.etag].map { $0.filter { $0 != "\"" } }, modified: fields[FieldName("last-modified")])
    }

    /// - Returns: the entity tag.
    func write(_ key: String, _ bytes: [UInt8], contentType: String?, _ session: QarnotSession) async throws(QarnotFailure)
        -> String?
    {
        let fields = [("Content-Type", contentType ?? "application/octet-stream")]
        return try await send(.put, key, fields: fields, body: bytes, session).fields[.etag].map { $0.filter { $0 != "\"" } }
    }

    func create(_ session: QarnotSession) async throws(QarnotFailure) { _ = try await send(.put, "", session) }

    func remove(_ key: String, _ session: QarnotSession) async throws(QarnotFailure) { _ = try await send(.delete, key, session) }

    /// Deletes everything in the bucket, old versions included, and then the bucket.
    /// - Returns: how many objects and versions went.
    func destroy(_ session: QarnotSession) async throws(QarnotFailure) -> Int {
        var count = 0
        while true {
            let page = try await send(
                .get, "", query: [("encoding-type", "url"), ("max-keys", "1000"), ("versions", "")], session)
            let entries = Self.versions(page.body)
            guard !entries.isEmpty else { break }
            try await delete(entries, session)
            count += entries.count
            guard count < Self.mostDeletions else {
                throw QarnotFailure(
                    .conflict,
                    "The bucket holds more than \(Self.mostDeletions) files; that many are deleted. Call again for the rest.")
            }
        }
        _ = try await send(.delete, "", session)
        return count
    }

    private static let mostDeletions = 20_000

    private static func versions(_ document: [UInt8]) -> [(key: String, version: String?)] {
        let root = StorageXML.content(of: "ListVersionsResult", in: document[...])?.inner ?? []
        let isEncoded = StorageXML.text(of: "EncodingType", in: root) == "url"
        let entries = StorageXML.all("Version", in: root) + StorageXML.all("DeleteMarker", in: root)
        return entries.compactMap { entry in
            guard let key = StorageXML.text(of: "Key", in: entry) else { return nil }
            let decoded = isEncoded ? PercentEncoding.decode(key.utf8, form: true) ?? key : key
            return (decoded, StorageXML.text(of: "VersionId", in: entry))
        }
    }

    private func delete(_ entries: [(key: String, version: String?)], _ session: QarnotSession) async throws(QarnotFailure) {
        func escaped(_ text: String) -> String {
            text.map { ["&": "&amp;", "<": "&lt;", ">": "&gt;", "\r": "&#13;", "\n": "&#10;"][$0] ?? String($0) }.joined()
        }
        let objects = entries.map { entry in
            let version = entry.version.map { "<VersionId>\(escaped($0))</VersionId>" } ?? ""
            return "<Object><Key>\(escaped(entry.key))</Key>\(version)</Object>"
        }
        let body = Array("<Delete><Quiet>true</Quiet>\(objects.joined())</Delete>".utf8)
        let fields = [("Content-MD5", Base64.encode(MD5.digest(body), .standard)), ("Content-Type", "application/xml")]
        let reply = try await send(.post, "", query: [("delete", "")], fields: fields, body: body, session)
        guard StorageXML.content(of: "Error", in: reply.body[...]) == nil else {
            throw QarnotFailure(.storageRefused, "Qarnot's storage could not delete every file of \(name).")
        }
    }
}

extension QarnotSession {
    /// Names and dates of the caller's buckets.
    func buckets() async throws(QarnotFailure) -> [(name: String, created: String?)] {
        let root = try await bucket("")
        let document = try await root.send(.get, "", self).body
        guard let inner = StorageXML.content(of: "ListAllMyBucketsResult", in: document[...])?.inner else {
            throw QarnotFailure(.unexpectedAnswer, "The storage's answer is no list of buckets.")
        }
        return StorageXML.all("Bucket", in: inner).compactMap { entry in
            StorageXML.text(of: "Name", in: entry).map { ($0, StorageXML.text(of: "CreationDate", in: entry)) }
        }
    }
}
