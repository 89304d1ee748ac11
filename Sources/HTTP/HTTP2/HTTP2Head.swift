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

    /// Judges what only the whole head can tell.
    func settle() {
        if !hasAuthority { refuse(.missingHost) }
        if request.path == "*", request.method != .options { refuse(.malformedTarget) }
    }

    /// nghttp2 lets only these four through; their lengths and second letters tell them apart.
    private func takePseudo(_ name: Span<UInt8>, _ value: Span<UInt8>) throws(RequestRefusal) {
        let whole = 0..<value.count
        switch (name.count, name[1]) {
        case (7, UInt8(ascii: "m")):
            guard let method = RequestHeadParser.method(value, whole) else { throw .unknownMethod }
            request.method = method
        case (7, _):
            // The scheme is the listener's to know; one that is neither cannot be meant for us.
            guard value.matches(whole, "https") || value.matches(whole, "http") else { throw .malformedTarget }
        case (5, _): try takePath(value)
        default: try takeAuthority(value)
        }
    }

    private func takePath(_ value: Span<UInt8>) throws(RequestRefusal) {
        guard value.count <= RequestHeadLimits().requestLine else { throw .requestLineTooLong }
        guard value.count > 0, value[0] == UInt8(ascii: "/") || value[0] == UInt8(ascii: "*") else { throw .malformedTarget }
        _ = try RequestTarget.parse(value, 0..<value.count, into: &request)
    }

    private func takeField(_ name: Span<UInt8>, _ value: Span<UInt8>) throws(RequestRefusal) {
        for index in 0..<name.count where !ByteClass.isFieldName(name[index]) { throw .invalidFieldName }
        let whole = 0..<value.count
        if value.hasControls(whole) { throw .invalidFieldValue }
        if value.count > 0, Self.isOddSpace(value[0]) || Self.isOddSpace(value[value.count - 1]) { throw .invalidFieldValue }
        switch name.count {
        case 2 where name.matches(0..<2, "te"): return
        case 4 where name.matches(0..<4, "host"):
            hostCount += 1
            if hostCount > 1 { throw .repeatedHost }
            return try takeAuthority(value)
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

    /// `:authority`, `host`, or both, which then must be the same.
    private func takeAuthority(_ value: Span<UInt8>) throws(RequestRefusal) {
        if hasAuthority {
            let isSame = request.fields.withValue(of: .host) { known in
                known.count == value.count
                    && value.indices.allSatisfy { lowered(known[known.startIndex + $0]) == lowered(value[$0]) }
            }
            guard isSame == true else { throw .authorityMismatch }
            return
        }
        guard RequestTarget.isAuthority(value, 0..<value.count) else { throw .invalidHost }
        hasAuthority = true
        request.fields.append(.host, value: value)
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
