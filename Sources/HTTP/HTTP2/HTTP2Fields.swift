internal import CNghttp2
internal import Primitives

/// The head of an answer in nghttp2's form. Like `ResponseHead`, it leaves out whatever a responder put under the names that
/// are the connection's business.
enum HTTP2Fields {
    /// Calls `body` with the fields, which live as long as the call; nghttp2 copies them.
    @unsafe static func submit(
        _ response: Response, length: Int?, date: [UInt8], _ body: (UnsafeMutablePointer<nghttp2_nv>, Int) -> Bool
    ) -> Bool {
        var numbers = ByteWriter(capacity: 64)
        numbers.append(decimal: Int(response.status.code))
        let statusCount = numbers.count
        if let length { numbers.append(decimal: length) }
        let fields = response.fields
        return unsafe withUnsafeTemporaryAllocation(of: nghttp2_nv.self, capacity: fields.count + 3) { out in
            unsafe numbers.withUnsafeBytes { numbers in
                unsafe date.withUnsafeBufferPointer { date in
                    unsafe fields.bytes.withUnsafeBufferPointer { bytes in
                        var list = unsafe List(out)
                        unsafe list.append(":status", numbers.baseAddress, statusCount)
                        unsafe list.append("date", date.baseAddress, date.count)
                        if length != nil {
                            unsafe list.append(
                                "content-length", numbers.baseAddress.map { unsafe $0 + statusCount }, numbers.count - statusCount)
                        }
                        for entry in fields.entries where !isOurs(entry, fields) { unsafe list.append(entry, bytes) }
                        return unsafe body(out.baseAddress.unsafelyUnwrapped, list.count)
                    }
                }
            }
        }
    }

    /// `100 Continue`.
    @unsafe static func submitContinue(_ body: (UnsafeMutablePointer<nghttp2_nv>, Int) -> CInt) {
        let status: StaticString = "100"
        unsafe withUnsafeTemporaryAllocation(of: nghttp2_nv.self, capacity: 1) { out in
            var list = unsafe List(out)
            unsafe list.append(":status", status.utf8Start, 3)
            _ = unsafe body(out.baseAddress.unsafelyUnwrapped, list.count)
        }
    }

    @unsafe private struct List {
        private let out: UnsafeMutableBufferPointer<nghttp2_nv>
        private(set) var count = 0

        init(_ out: UnsafeMutableBufferPointer<nghttp2_nv>) { unsafe self.out = out }

        mutating func append(_ name: StaticString, _ value: UnsafePointer<UInt8>?, _ length: Int) {
            unsafe append(name.utf8Start, name.utf8CodeUnitCount, value, length)
        }

        mutating func append(_ entry: Fields.Entry, _ bytes: UnsafeBufferPointer<UInt8>) {
            guard let base = bytes.baseAddress else { return }
            unsafe append(
                base + Int(entry.nameStart), Int(entry.nameLength), base + Int(entry.valueStart), Int(entry.valueLength))
        }

        // nghttp2 takes mutable pointers and writes through none of them.
        private mutating func append(_ name: UnsafePointer<UInt8>, _ nameLength: Int, _ value: UnsafePointer<UInt8>?, _ length: Int)
        {
            unsafe out[count] = unsafe nghttp2_nv(
                name: UnsafeMutablePointer(mutating: name), value: UnsafeMutablePointer(mutating: value), namelen: nameLength,
                valuelen: length, flags: UInt8(NGHTTP2_NV_FLAG_NONE.rawValue))
            unsafe count += 1
        }
    }

    private static func isOurs(_ entry: Fields.Entry, _ fields: Fields) -> Bool {
        switch entry.nameLength {
        case 4: fields.matches(entry, .date)
        case 10: fields.matches(entry, .connection)
        case 14: fields.matches(entry, .contentLength)
        case 17: fields.matches(entry, .transferEncoding)
        default: false
        }
    }
}
