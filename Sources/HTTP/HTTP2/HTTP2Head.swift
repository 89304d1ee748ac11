internal import Primitives

/// What one field of a head means for its request. nghttp2 has checked RFC 9113 §8: pseudo-fields once, first and complete,
/// names in lower case, no connection-specific fields. What HTTP/1 refuses is refused here in the same words.
extension HTTP2Stream {
    /// Takes one field of the head. The first thing wrong with it stays in `refusal`.
    func take(_ name: Span<UInt8>, _ value: Span<UInt8>, limits: HTTP2Limits) {
        fieldBytes += name.count + value.count + 32
        fieldCount += 1
        guard refusal == nil else { return }
        if fieldBytes > limits.fieldBlock { return refuse(.fieldsTooLarge) }
        if fieldCount > limits.fields { return refuse(.tooManyFields) }
        do throws(RequestRefusal) {
            if name[0] == UInt8(ascii: ":") { try takePseudo(name, value) } else { try takeField(name, value) }
        } catch {
            refuse(error)
        }
    }

    func refuse(_ reason: RequestRefusal) {
        if refusal == nil { refusal = reason }
    }

    /// Judges what only the whole head can tell, and brings the authority where HTTP/1 has it.
    func settle() {
        guard refusal == nil else { return }
        guard let authority else { return hostCount == 1 ? () : refuse(hostCount == 0 ? .missingHost : .repeatedHost) }
        guard RequestTarget.isAuthority(authority.span, 0..<authority.count) else { return refuse(.invalidHost) }
        if hostCount > 1 { return refuse(.repeatedHost) }
        if hostCount == 1 {
            let isSame = request.fields.withValue(of: .host) { $0.elementsEqual(authority) { lowered($0) == lowered($1) } }
            if isSame != true { refuse(.authorityMismatch) }
        } else {
            request.fields.append(name: "host".utf8, value: authority)
        }
    }

    private func takePseudo(_ name: Span<UInt8>, _ value: Span<UInt8>) throws(RequestRefusal) {
        let whole = 0..<value.count
        if name.matches(0..<name.count, ":method") {
            guard let method = Method(rawValue: value.text(whole)) else { throw .unknownMethod }
            request.method = method
        } else if name.matches(0..<name.count, ":path") {
            guard value.count <= RequestHeadLimits().requestLine else { throw .requestLineTooLong }
            guard value.count > 0, value[0] == UInt8(ascii: "/") || value[0] == UInt8(ascii: "*") else { throw .malformedTarget }
            _ = try RequestTarget.parse(value, whole, into: &request)
            if request.path == "*", value.count > 1 { throw .malformedTarget }
        } else if name.matches(0..<name.count, ":authority") {
            authority = whole.map { value[$0] }
        } else if name.matches(0..<name.count, ":scheme") {
            // The scheme is the listener's to know; one that is neither cannot be meant for us.
            guard value.matches(whole, "https") || value.matches(whole, "http") else { throw .malformedTarget }
        }
    }

    private func takeField(_ name: Span<UInt8>, _ value: Span<UInt8>) throws(RequestRefusal) {
        for index in 0..<name.count where !ByteClass.isFieldName(name[index]) { throw .invalidFieldName }
        let whole = 0..<value.count
        if value.hasControls(whole) { throw .invalidFieldValue }
        if value.count > 0, Self.isOddSpace(value[0]) || Self.isOddSpace(value[value.count - 1]) { throw .invalidFieldValue }
        switch name.count {
        case 2 where name.matches(0..<2, "te"): return
        case 4 where name.matches(0..<4, "host"): hostCount += 1
        case 6 where name.matches(0..<6, "cookie"): return joinCookie(value)
        case 6 where name.matches(0..<6, "expect"):
            guard value.matches(whole, "100-continue") else { throw .unsupportedExpectation }
            expectsContinue = true
            return
        case 7 where name.matches(0..<7, "trailer") || name.matches(0..<7, "alt-svc"): return
        case 14 where name.matches(0..<14, "content-length"):
            // Digits only and once, which nghttp2 saw to; its length it compares with the body.
            guard let length = Int(value.text(whole)), length <= 1 << 53 else { throw .invalidContentLength }
            contentLength = length
            return
        case 18 where name.matches(0..<18, "proxy-authenticate"): return
        case 19 where name.matches(0..<19, "proxy-authorization"): return
        default: break
        }
        request.fields.append(name: name, value: value)
    }

    /// RFC 9113 §8.2.3: cookies may come in pieces, and are one field for everyone behind.
    private func joinCookie(_ value: Span<UInt8>) {
        var joined = request.fields[.cookie].map { Array($0.utf8) + Array("; ".utf8) } ?? []
        for index in 0..<value.count { joined.append(value[index]) }
        request.fields.remove(.cookie)
        request.fields.append(name: "cookie".utf8, value: joined)
    }

    private static func isOddSpace(_ byte: UInt8) -> Bool { byte == 0x85 || byte == 0xA0 || byte == 0x20 || byte == 0x09 }
}
