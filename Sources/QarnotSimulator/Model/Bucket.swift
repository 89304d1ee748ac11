internal import Crypto
internal import Primitives

/// One bucket: objects by key, their versions once asked for, and uploads that are not complete.
struct Bucket: Sendable {
    enum Versioning: String, Sendable { case enabled = "Enabled", suspended = "Suspended" }

    let created: Timestamp
    /// What a plain read sees.
    private(set) var objects: [String: StoredObject] = [:]
    /// Nil until versioning was first enabled.
    private(set) var versioning: Versioning?
    /// Oldest first, the current one last; kept once versioning was enabled.
    private(set) var history: [String: [ObjectVersion]] = [:]
    var uploads: [String: Upload] = [:]
    /// Bytes of objects, of their versions and of parts.
    private(set) var byteCount = 0

    init(created: Timestamp) { self.created = created }

    /// False once everything is gone, versions and markers included.
    var hasContent: Bool { !objects.isEmpty || history.values.contains { !$0.isEmpty } }

    mutating func setVersioning(_ new: Versioning) {
        if versioning == nil {
            for (key, object) in objects {
                history[key] = [ObjectVersion(id: ObjectVersion.none, content: object, modified: object.modified)]
            }
        }
        versioning = new
    }

    /// - Returns: the id of the new version, when the bucket keeps any.
    @discardableResult
    mutating func put(_ object: StoredObject, at key: String) -> String? {
        guard versioning != nil else {
            byteCount += object.bytes.count - (objects[key]?.bytes.count ?? 0)
            objects[key] = object
            return nil
        }
        return append(ObjectVersion(id: newVersion, content: object, modified: object.modified), at: key)
    }

    /// Deletes the current object, or puts a marker over it where versions are kept.
    /// - Returns: the id of the marker.
    @discardableResult
    mutating func remove(_ key: String, at time: Timestamp) -> String? {
        guard versioning != nil else {
            if let old = objects.removeValue(forKey: key) { byteCount -= old.bytes.count }
            return nil
        }
        return append(ObjectVersion(id: newVersion, content: nil, modified: time), at: key)
    }

    /// Deletes one version for good.
    mutating func remove(_ key: String, version: String, at time: Timestamp) {
        guard versioning != nil else {
            if version == ObjectVersion.none { remove(key, at: time) }
            return
        }
        drop(key, version)
        settle(key)
    }

    func version(_ id: String, of key: String) -> ObjectVersion? {
        guard versioning != nil else {
            guard id == ObjectVersion.none else { return nil }
            return objects[key].map { ObjectVersion(id: id, content: $0, modified: $0.modified) }
        }
        return history[key]?.last { $0.id == id }
    }

    private var newVersion: String { versioning == .enabled ? makeUUID().filter { $0 != "-" } : ObjectVersion.none }

    private mutating func append(_ version: ObjectVersion, at key: String) -> String {
        if version.id == ObjectVersion.none { drop(key, version.id) }
        byteCount += version.content?.bytes.count ?? 0
        history[key, default: []].append(version)
        settle(key)
        return version.id
    }

    private mutating func drop(_ key: String, _ id: String) {
        guard let place = history[key]?.lastIndex(where: { $0.id == id }), let old = history[key]?.remove(at: place) else { return }
        byteCount -= old.content?.bytes.count ?? 0
    }

    private mutating func settle(_ key: String) {
        objects[key] = history[key]?.last?.content
        if history[key]?.isEmpty == true { history[key] = nil }
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
    /// - Parameter past: keys that have only old versions count too.
    func keys(prefix: String, after marker: String, past: Bool = false) -> [String] {
        (past && versioning != nil ? Array(history.keys) : Array(objects.keys))
            .filter { $0.utf8.starts(with: prefix.utf8) && marker.utf8.lexicographicallyPrecedes($0.utf8) }
            .sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    }
}

/// One state of a key: an object, or a marker that says it was deleted.
struct ObjectVersion: Sendable {
    /// The id of what was written while no versions were kept.
    static let none = "null"

    let id: String
    let content: StoredObject?
    let modified: Timestamp
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
