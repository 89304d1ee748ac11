internal import HTTP
internal import Primitives

extension AccountState {
    /// Requests to one object.
    mutating func object(_ call: StorageCall, _ moment: Moment) throws(StorageError) -> Response {
        guard let bucket = buckets[call.bucket] else { throw .noSuchBucket(call.bucket) }
        guard call.key.utf8.count <= 1024 else { throw StorageError(400, "KeyTooLongError") }
        if call.has("uploads") || call.has("uploadId") { return try multipart(call, moment) }
        switch call.method {
        case .get where call.has("acl"): return accessControl()
        case .get, .head:
            guard let id = call["versionId"] else {
                guard let object = bucket.objects[call.key] else { throw .noSuchKey(call.key) }
                return try ObjectReading(call.request.fields, object).response
            }
            guard let version = bucket.version(id, of: call.key) else { throw StorageError(404, "NoSuchVersion") }
            guard let object = version.content else { throw StorageError(405, "MethodNotAllowed") }
            return try ObjectReading(call.request.fields, object).response.with(.versionID, id)
        case .put:
            let object = try incoming(call, moment)
            try reserve(object.bytes.count - (bucket.objects[call.key]?.bytes.count ?? 0), moment)
            let version = buckets[call.bucket]?.put(object, at: call.key)
            guard call.request.fields[.copySource] != nil else {
                let response = Response(.ok, body: .bytes([])).with(.etag, "\"\(object.etag)\"")
                return version.map { response.with(.versionID, $0) } ?? response
            }
            return .copied(object, root: "CopyObjectResult")
        case .delete:
            if let version = call["versionId"] {
                buckets[call.bucket]?.remove(call.key, version: version, at: moment.now)
                return Response(.noContent).with(.versionID, version)
            }
            let marker = buckets[call.bucket]?.remove(call.key, at: moment.now)
            return marker.map { Response(.noContent).with(.versionID, $0).with(FieldName("x-amz-delete-marker"), "true") }
                ?? Response(.noContent)
        default: throw StorageError(405, "MethodNotAllowed")
        }
    }

    /// The object a PUT brings or names.
    private func incoming(_ call: StorageCall, _ moment: Moment) throws(StorageError) -> StoredObject {
        let fields = call.request.fields
        let metadata = fields.lines.filter { $0.name.hasPrefix("x-amz-meta-") }.map {
            (name: String($0.name.dropFirst(11)), value: $0.value)
        }
        guard fields[.copySource] != nil else {
            let bytes = call.request.body
            var object = StoredObject(bytes: bytes, etag: StoredObject.etag(of: bytes), modified: moment.now)
            object.contentType = fields[.contentType] ?? object.contentType
            object.metadata = metadata
            return object
        }
        let source = try copySource(fields)
        var object = StoredObject(bytes: source.bytes, etag: source.etag, modified: moment.now)
        object.contentType = source.contentType
        object.metadata = fields[FieldName("x-amz-metadata-directive")] == "REPLACE" ? metadata : source.metadata
        return object
    }

    private func copySource(_ fields: Fields) throws(StorageError) -> StoredObject {
        let path = fields[.copySource].map { $0.prefix { $0 != "?" } }
        guard let source = path.flatMap({ PercentEncoding.decode($0.utf8) }) else { throw .invalidRequest }
        let parts = source.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: true).map(String.init)
        guard parts.count == 2 else { throw .invalidRequest }
        guard let bucket = buckets[parts[0]] else { throw .noSuchBucket(parts[0]) }
        guard let object = bucket.objects[parts[1]] else { throw .noSuchKey(parts[1]) }
        return object
    }

    private func reserve(_ bytes: Int, _ moment: Moment) throws(StorageError) {
        guard storedBytes + bytes <= moment.limits.storageBytes else { throw .quotaExceeded }
    }

    // MARK: multipart

    private mutating func multipart(_ call: StorageCall, _ moment: Moment) throws(StorageError) -> Response {
        if call.method == .post, call.has("uploads") { return try startUpload(call) }
        guard let id = call["uploadId"], let upload = buckets[call.bucket]?.uploads[id], upload.key == call.key else {
            throw StorageError(404, "NoSuchUpload")
        }
        switch call.method {
        case .put:
            guard let number = call["partNumber"].flatMap({ Int($0) }), (1...10_000).contains(number) else {
                throw StorageError(400, "InvalidArgument")
            }
            let part = try incomingPart(call, moment)
            try reserve(part.bytes.count, moment)
            buckets[call.bucket]?.put(part, number: number, of: id)
            guard call.request.fields[.copySource] != nil else {
                return Response(.ok, body: .bytes([])).with(.etag, "\"\(part.etag)\"")
            }
            return .copied(part, root: "CopyPartResult")
        case .post: return try complete(upload, id, call, moment)
        case .delete:
            buckets[call.bucket]?.removeUpload(id)
            return Response(.noContent)
        case .get: return partList(upload, id, call)
        default: throw StorageError(405, "MethodNotAllowed")
        }
    }

    private mutating func startUpload(_ call: StorageCall) throws(StorageError) -> Response {
        guard buckets.values.reduce(0, { $0 + $1.uploads.count }) < 1000 else { throw .quotaExceeded }
        let id = makeUUID().filter { $0 != "-" }
        buckets[call.bucket]?.uploads[id] = Upload(key: call.key, contentType: call.request.fields[.contentType])
        var xml = XMLWriter(root: "InitiateMultipartUploadResult")
        xml.element("Bucket", call.bucket)
        xml.element("Key", call.key)
        xml.element("UploadId", id)
        return .xml(xml.document())
    }

    private func incomingPart(_ call: StorageCall, _ moment: Moment) throws(StorageError) -> StoredObject {
        var bytes = call.request.body
        if call.request.fields[.copySource] != nil {
            let source = try copySource(call.request.fields)
            bytes = source.bytes
            if let text = call.request.fields[FieldName("x-amz-copy-source-range")] {
                guard let range = ByteRange.parse(text, count: source.bytes.count) else { throw StorageError(416, "InvalidRange") }
                bytes = Array(source.bytes[range])
            }
        }
        return StoredObject(bytes: bytes, etag: StoredObject.etag(of: bytes), modified: moment.now)
    }

    private mutating func complete(_ upload: Upload, _ id: String, _ call: StorageCall, _ moment: Moment) throws(StorageError)
        -> Response
    {
        guard let root = XMLElement.parse(call.request.body), root.name == "CompleteMultipartUpload" else { throw .malformedXML }
        var parts: [StoredObject] = []
        var last = 0
        for element in root.children where element.name == "Part" {
            guard let number = element["PartNumber"].flatMap({ Int($0.text) }), let etag = element["ETag"]?.text else {
                throw .malformedXML
            }
            guard number > last else { throw StorageError(400, "InvalidPartOrder") }
            guard let part = upload.parts[number], part.etag == etag.filter({ $0 != "\"" }) else {
                throw StorageError(400, "InvalidPart")
            }
            last = number
            parts.append(part)
        }
        guard !parts.isEmpty else { throw .malformedXML }
        var object = StoredObject(bytes: parts.flatMap(\.bytes), etag: StoredObject.etag(ofParts: parts), modified: moment.now)
        object.contentType = upload.contentType ?? object.contentType
        buckets[call.bucket]?.removeUpload(id)
        buckets[call.bucket]?.put(object, at: call.key)
        var xml = XMLWriter(root: "CompleteMultipartUploadResult")
        xml.element("Bucket", call.bucket)
        xml.element("Key", call.key)
        xml.element("ETag", "\"\(object.etag)\"")
        return .xml(xml.document())
    }

    private func partList(_ upload: Upload, _ id: String, _ call: StorageCall) -> Response {
        var xml = XMLWriter(root: "ListPartsResult")
        xml.element("Bucket", call.bucket)
        xml.element("Key", call.key)
        xml.element("UploadId", id)
        xml.element("IsTruncated", "false")
        for (number, part) in upload.parts.sorted(by: { $0.key < $1.key }) {
            xml.element("Part") {
                $0.element("PartNumber", String(number))
                $0.element("ETag", "\"\(part.etag)\"")
                $0.element("Size", String(part.bytes.count))
            }
        }
        return .xml(xml.document())
    }
}

extension FieldName {
    fileprivate static let copySource = FieldName("x-amz-copy-source")
    fileprivate static let versionID = FieldName("x-amz-version-id")
}

extension StoredObject {
    /// What S3 gives a multipart object: the MD5 of the parts' MD5s, and their count.
    fileprivate static func etag(ofParts parts: [StoredObject]) -> String {
        "\(etag(of: parts.flatMap { Hex.decode($0.etag) ?? [] }))-\(parts.count)"
    }
}

extension Response {
    fileprivate static func copied(_ object: StoredObject, root: String) -> Response {
        var xml = XMLWriter(root: root)
        xml.element("ETag", "\"\(object.etag)\"")
        xml.element("LastModified", object.modified.rfc3339)
        return .xml(xml.document())
    }
}
