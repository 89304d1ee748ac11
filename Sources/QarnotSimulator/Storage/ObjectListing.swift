internal import HTTP
internal import Primitives

/// ListObjects in both versions, and ListObjectVersions of a bucket without versions.
struct ObjectListing {
    private let call: StorageCall
    private let bucket: Bucket
    private let isEncoded: Bool
    private let prefix: String
    private let limit: Int

    init(_ call: StorageCall, _ bucket: Bucket) throws(StorageError) {
        self.call = call
        self.bucket = bucket
        isEncoded = call["encoding-type"] == "url"
        prefix = call["prefix"] ?? ""
        guard let limit = Int(call["max-keys"] ?? "1000"), limit >= 0 else { throw StorageError(400, "InvalidArgument") }
        self.limit = min(limit, 1000)
    }

    var objects: Response {
        let isSecond = call["list-type"] == "2"
        let marker = isSecond ? call["continuation-token"] ?? call["start-after"] ?? "" : call["marker"] ?? ""
        let page = page(after: marker)
        var xml = XMLWriter(root: "ListBucketResult")
        xml.element("Name", call.bucket)
        xml.element("Prefix", encode(prefix))
        if !isSecond { xml.element("Marker", encode(marker)) }
        xml.element("MaxKeys", String(limit))
        if isEncoded { xml.element("EncodingType", "url") }
        if let delimiter = call["delimiter"], !delimiter.isEmpty { xml.element("Delimiter", encode(delimiter)) }
        xml.element("IsTruncated", page.next == nil ? "false" : "true")
        if isSecond { xml.element("KeyCount", String(page.keys.count + page.prefixes.count)) }
        if let next = page.next { isSecond ? xml.element("NextContinuationToken", next) : xml.element("NextMarker", encode(next)) }
        for key in page.keys {
            guard let object = bucket.objects[key] else { continue }
            xml.element("Contents") { describe(key, object, &$0) }
        }
        for common in page.prefixes { xml.element("CommonPrefixes") { $0.element("Prefix", encode(common)) } }
        return .xml(xml.document())
    }

    var versions: Response {
        let marker = call["key-marker"] ?? ""
        let page = page(after: marker, past: true)
        var xml = XMLWriter(root: "ListVersionsResult")
        xml.element("Name", call.bucket)
        xml.element("Prefix", encode(prefix))
        xml.element("KeyMarker", encode(marker))
        xml.element("VersionIdMarker", "")
        xml.element("MaxKeys", String(limit))
        if isEncoded { xml.element("EncodingType", "url") }
        xml.element("IsTruncated", page.next == nil ? "false" : "true")
        if let next = page.next {
            xml.element("NextKeyMarker", encode(next))
            xml.element("NextVersionIdMarker", "null")
        }
        for key in page.keys {
            for (index, version) in versions(of: key).enumerated() {
                xml.element(version.content == nil ? "DeleteMarker" : "Version") { xml in
                    if let object = version.content {
                        describe(key, object, &xml)
                    } else {
                        xml.element("Key", encode(key))
                        xml.element("LastModified", version.modified.rfc3339)
                    }
                    xml.element("VersionId", version.id)
                    xml.element("IsLatest", index == 0 ? "true" : "false")
                }
            }
        }
        return .xml(xml.document())
    }

    /// Newest first.
    private func versions(of key: String) -> [ObjectVersion] {
        bucket.history[key]?.reversed() ?? [bucket.version(ObjectVersion.none, of: key)].compactMap { $0 }
    }

    private func describe(_ key: String, _ object: StoredObject, _ xml: inout XMLWriter) {
        xml.element("Key", encode(key))
        xml.element("LastModified", object.modified.rfc3339)
        xml.element("ETag", "\"\(object.etag)\"")
        xml.element("Size", String(object.bytes.count))
        xml.element("StorageClass", "STANDARD")
    }

    /// Slashes stay: that is how S3 encodes keys.
    private func encode(_ text: String) -> String {
        guard isEncoded else { return text }
        return text.split(separator: "/", omittingEmptySubsequences: false).map { PercentEncoding.encode(String($0)) }.joined(
            separator: "/")
    }

    private func page(after marker: String, past: Bool = false) -> (keys: [String], prefixes: [String], next: String?) {
        var keys: [String] = []
        var prefixes: [String] = []
        var last = ""
        for key in bucket.keys(prefix: prefix, after: marker, past: past) {
            let common = commonPrefix(of: key)
            if let common, prefixes.last == common || marker.hasPrefix(common) {
                last = key
                continue
            }
            guard keys.count + prefixes.count < limit else { return (keys, prefixes, last) }
            if let common { prefixes.append(common) } else { keys.append(key) }
            last = key
        }
        return (keys, prefixes, nil)
    }

    private func commonPrefix(of key: String) -> String? {
        guard let delimiter = call["delimiter"], !delimiter.isEmpty else { return nil }
        let rest = Array(key.dropFirst(prefix.count))
        let mark = Array(delimiter)
        guard rest.count >= mark.count else { return nil }
        for start in 0...(rest.count - mark.count) where Array(rest[start..<start + mark.count]) == mark {
            return prefix + String(rest[..<(start + mark.count)])
        }
        return nil
    }
}
