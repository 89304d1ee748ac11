internal import HTTP
internal import Primitives

/// One page of ListObjects. A scanner for this one document: it looks for the elements it knows and skips the rest.
struct BucketListing: Sendable {
    private(set) var files: [StoredFile] = []
    let isTruncated: Bool
    let next: String?

    /// Nil when it is no listing.
    init?(_ bytes: [UInt8]) {
        guard let root = StorageXML.content(of: "ListBucketResult", in: bytes[...])?.inner else { return nil }
        isTruncated = StorageXML.text(of: "IsTruncated", in: root) == "true"
        let isEncoded = StorageXML.text(of: "EncodingType", in: root) == "url"
        func decoded(_ text: String) -> String { isEncoded ? PercentEncoding.decode(text.utf8, form: true) ?? text : text }
        next = StorageXML.text(of: "NextMarker", in: root).map(decoded)
        var rest = root
        while let (inner, after) = StorageXML.content(of: "Contents", in: rest) {
            rest = after
            guard let key = StorageXML.text(of: "Key", in: inner).map(decoded),
                let size = StorageXML.text(of: "Size", in: inner).flatMap({ Int($0) }), size >= 0
            else { return nil }
            files.append(
                StoredFile(
                    key: key, size: size, etag: StorageXML.text(of: "ETag", in: inner).map { $0.filter { $0 != "\"" } },
                    modified: StorageXML.text(of: "LastModified", in: inner)))
        }
    }
}
