internal import HTTP
internal import Primitives

/// A refusal in S3's form.
struct StorageError: Error {
    let status: Status
    let code: String
    let message: String
    let resource: (name: String, value: String)?

    init(_ status: UInt16, _ code: String, _ message: String = "", _ resource: (name: String, value: String)? = nil) {
        self.status = Status(status)
        self.code = code
        self.message = message.isEmpty ? code : message
        self.resource = resource
    }

    static func noSuchBucket(_ name: String) -> StorageError {
        StorageError(404, "NoSuchBucket", "The specified bucket does not exist", ("BucketName", name))
    }

    static func noSuchKey(_ key: String) -> StorageError {
        StorageError(404, "NoSuchKey", "The specified key does not exist", ("Key", key))
    }

    static let accessDenied = StorageError(403, "AccessDenied")
    static let signatureDoesNotMatch = StorageError(403, "SignatureDoesNotMatch")
    static let quotaExceeded = StorageError(403, "QuotaExceeded")
    static let invalidRequest = StorageError(400, "InvalidRequest")
    static let malformedXML = StorageError(400, "MalformedXML")

    func response(for method: Method) -> Response {
        guard method != .head else { return Response(status, body: .bytes([])) }
        var xml = XMLWriter(root: "Error", hasNamespace: false)
        xml.element("Code", code)
        xml.element("Message", message)
        if let resource { xml.element(resource.name, resource.value) }
        xml.element("RequestId", "sim")
        return Response(status, fields: [(.contentType, "application/xml")], body: .bytes(xml.document()))
    }
}

/// Names of buckets.
enum BucketName {
    static func isValid(_ name: String) -> Bool {
        (3...255).contains(name.utf8.count) && name != "..."
            && name.utf8.allSatisfy { byte in
                switch byte {
                case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"): true
                default: false
                }
            }
    }
}
