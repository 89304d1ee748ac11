internal import Crypto
internal import Primitives

/// One bucket: objects by key, and uploads that are not complete.
struct Bucket: Sendable {
    let created: Timestamp
    private(set) var objects: [String: StoredObject] = [:]
    var uploads: [String: Upload] = [:]
    /// Bytes of objects and of parts.
    private(set) var byteCount = 0

    init(created: Timestamp) { self.created = created }

    mutating func put(_ object: StoredObject, at key: String) {
        byteCount += object.bytes.count - (objects[key]?.bytes.count ?? 0)
        objects[key] = object
    }

    @discardableResult
    mutating func remove(_ key: String) -> Bool {
        guard let old = objects.removeValue(forKey: key) else { return false }
        byteCount -= old.bytes.count
        return true
    }

    mutating func put(_ part: StoredObject, number: Int, of uploadID: String) {
        byteCount += part.bytes.count - (uploads[uploadID]?.parts[number]?.bytes.count ?? 0)
        uploads[uploadID]?.parts[number] = part
    }

    mutating func removeUpload(_ id: String) {
        guard let upload = uploads.removeValue(forKey: id) else { return }
        byteCount -= upload.parts.values.reduce(0) { $0 + $1.bytes.count }
    }

    /// Keys in the order of their UTF-8 bytes, as S3 lists them.
    func keys(prefix: String, after marker: String) -> [String] {
        objects.keys
            .filter { $0.utf8.starts(with: prefix.utf8) && marker.utf8.lexicographicallyPrecedes($0.utf8) }
            .sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    }
}

/// Bytes with what S3 says about them.
struct StoredObject: Sendable {
    let bytes: [UInt8]
    /// Without quotes.
    let etag: String
    let modified: Timestamp
    var contentType = "binary/octet-stream"
    /// User metadata, names without `x-amz-meta-`.
    var metadata: [(name: String, value: String)] = []

    /// Hexadecimal MD5: what clients compare their files with.
    static func etag(of bytes: [UInt8]) -> String { Hex.encode(MD5.digest(bytes)) }
}

/// A multipart upload under way.
struct Upload: Sendable {
    let key: String
    let contentType: String?
    var parts: [Int: StoredObject] = [:]
}
