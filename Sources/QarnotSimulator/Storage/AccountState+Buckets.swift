internal import HTTP
internal import Primitives

extension AccountState {
    /// Answers one storage request whose signature holds.
    mutating func answer(_ call: StorageCall, _ moment: Moment) throws(StorageError) -> Response {
        if call.bucket.isEmpty {
            guard call.method == .get else { throw StorageError(405, "MethodNotAllowed") }
            return bucketList()
        }
        return call.key.isEmpty ? try bucket(call, moment) : try object(call, moment)
    }

    private func bucketList() -> Response {
        var xml = XMLWriter(root: "ListAllMyBucketsResult")
        xml.element("Owner") { $0.element("ID", email) }
        xml.element("Buckets") { xml in
            for (name, bucket) in buckets.sorted(by: { $0.key < $1.key }) {
                xml.element("Bucket") {
                    $0.element("Name", name)
                    $0.element("CreationDate", bucket.created.rfc3339)
                }
            }
        }
        return .xml(xml.document())
    }

    private mutating func bucket(_ call: StorageCall, _ moment: Moment) throws(StorageError) -> Response {
        if call.method == .put, call.query.isEmpty { return try createBucket(call.bucket, moment) }
        guard let bucket = buckets[call.bucket] else { throw .noSuchBucket(call.bucket) }
        switch call.method {
        case .head: return .done
        case .get: return try describe(bucket, call)
        case .put where call.has("versioning"): return try setVersioning(call)
        case .post where call.has("delete"): return try deleteObjects(call, moment)
        case .delete:
            guard !bucket.hasContent else { throw StorageError(409, "BucketNotEmpty") }
            buckets[call.bucket] = nil
            return Response(.noContent)
        default: throw StorageError(501, "NotImplemented")
        }
    }

    /// Idempotent: the SDK repeats it for every bucket object it makes.
    private mutating func createBucket(_ name: String, _ moment: Moment) throws(StorageError) -> Response {
        guard BucketName.isValid(name) else { throw StorageError(400, "InvalidBucketName") }
        if buckets[name] == nil {
            guard buckets.count < moment.limits.buckets else { throw StorageError(400, "TooManyBuckets") }
            buckets[name] = Bucket(created: moment.now)
        }
        return Response(.ok, fields: [(.location, "/\(name)")], body: .bytes([]))
    }

    private func describe(_ bucket: Bucket, _ call: StorageCall) throws(StorageError) -> Response {
        if call.has("versioning") {
            var xml = XMLWriter(root: "VersioningConfiguration")
            if let versioning = bucket.versioning { xml.element("Status", versioning.rawValue) }
            return .xml(xml.document())
        }
        if call.has("location") { return .xml(XMLWriter(root: "LocationConstraint").document()) }
        if call.has("acl") { return accessControl() }
        if call.has("versions") { return try ObjectListing(call, bucket).versions }
        if call.has("uploads") { return uploadList(bucket, call) }
        return try ObjectListing(call, bucket).objects
    }

    private mutating func setVersioning(_ call: StorageCall) throws(StorageError) -> Response {
        guard let root = XMLElement.parse(call.request.body), root.name == "VersioningConfiguration",
            let versioning = root["Status"].flatMap({ Bucket.Versioning(rawValue: $0.text) })
        else { throw .malformedXML }
        buckets[call.bucket]?.setVersioning(versioning)
        return .done
    }

    func accessControl() -> Response {
        var xml = XMLWriter(root: "AccessControlPolicy")
        xml.element("Owner") { $0.element("ID", email) }
        xml.element("AccessControlList") {
            $0.element("Grant") {
                $0.element("Grantee") { $0.element("ID", email) }
                $0.element("Permission", "FULL_CONTROL")
            }
        }
        return .xml(xml.document())
    }

    private func uploadList(_ bucket: Bucket, _ call: StorageCall) -> Response {
        var xml = XMLWriter(root: "ListMultipartUploadsResult")
        xml.element("Bucket", call.bucket)
        for (id, upload) in bucket.uploads.sorted(by: { $0.key < $1.key }) {
            xml.element("Upload") {
                $0.element("Key", upload.key)
                $0.element("UploadId", id)
            }
        }
        xml.element("IsTruncated", "false")
        return .xml(xml.document())
    }

    private mutating func deleteObjects(_ call: StorageCall, _ moment: Moment) throws(StorageError) -> Response {
        guard let root = XMLElement.parse(call.request.body), root.name == "Delete" else { throw .malformedXML }
        let entries = root.children.filter { $0.name == "Object" }
        guard !entries.isEmpty, entries.count <= 1000 else { throw .malformedXML }
        let isQuiet = root["Quiet"]?.text == "true"
        var xml = XMLWriter(root: "DeleteResult")
        for entry in entries {
            guard let key = entry["Key"]?.text else { throw .malformedXML }
            let version = entry["VersionId"]?.text
            var marker: String?
            if let version {
                buckets[call.bucket]?.remove(key, version: version, at: moment.now)
            } else {
                marker = buckets[call.bucket]?.remove(key, at: moment.now)
            }
            guard !isQuiet else { continue }
            xml.element("Deleted") { xml in
                xml.element("Key", key)
                if let version { xml.element("VersionId", version) }
                if let marker {
                    xml.element("DeleteMarker", "true")
                    xml.element("DeleteMarkerVersionId", marker)
                }
            }
        }
        return .xml(xml.document())
    }
}

extension Response {
    static func xml(_ bytes: [UInt8]) -> Response {
        Response(.ok, fields: [(.contentType, "application/xml")], body: .bytes(bytes))
    }
}
