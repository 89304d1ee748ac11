internal import HTTP
internal import Primitives

/// GET and HEAD of an object: conditions, then a range or the whole (RFC 9110 §13, §14).
struct ObjectReading {
    let response: Response

    init(_ fields: Fields, _ object: StoredObject) throws(StorageError) {
        let etag = "\"\(object.etag)\""
        if let wanted = fields[FieldName("if-match")], wanted != "*", wanted != etag {
            throw StorageError(412, "PreconditionFailed")
        }
        var response = Response(.ok, body: .bytes(object.bytes))
        if fields[.ifNoneMatch] == etag { response = Response(.notModified) }
        if response.status == .ok, let text = fields[FieldName("range")], text.hasPrefix("bytes="), !text.contains(",") {
            guard let range = ByteRange.parse(text, count: object.bytes.count) else { throw StorageError(416, "InvalidRange") }
            response = Response(.partialContent, body: .bytes(Array(object.bytes[range])))
            response.fields.append(
                FieldName("content-range"), "bytes \(range.lowerBound)-\(range.upperBound - 1)/\(object.bytes.count)")
        }
        response.fields.append(.etag, etag)
        response.fields.append(FieldName("last-modified"), WireFormat.httpDate(object.modified))
        response.fields.append(.contentType, object.contentType)
        response.fields.append(FieldName("accept-ranges"), "bytes")
        for entry in object.metadata {
            response.fields.append(name: Array("x-amz-meta-\(entry.name)".utf8), value: Array(entry.value.utf8))
        }
        self.response = response
    }
}

/// One range of `bytes=…`.
enum ByteRange {
    /// Nil when malformed or outside the object.
    static func parse(_ text: String, count: Int) -> Range<Int>? {
        guard text.hasPrefix("bytes=") else { return nil }
        let ends = text.dropFirst(6).split(separator: "-", omittingEmptySubsequences: false)
        guard ends.count == 2 else { return nil }
        if ends[0].isEmpty {
            guard let last = Int(ends[1]), last > 0, count > 0 else { return nil }
            return max(0, count - last)..<count
        }
        guard let first = Int(ends[0]), first >= 0, first < count else { return nil }
        guard !ends[1].isEmpty else { return first..<count }
        guard let last = Int(ends[1]), last >= first else { return nil }
        return first..<min(count - 1, last) + 1
    }
}
