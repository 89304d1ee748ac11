/// What the field lines say about framing, connection and host, collected line by line and judged at the end.
struct FieldFacts: Sendable {
    var count = 0
    var isVersion10 = false
    private var hostCount = 0
    private var host = 0..<0
    private var contentLength: Int?
    private var isChunked = false
    private var closes = false
    private var expectsContinue = false
    /// Elements of `Connection` that name other fields.
    private var nominated: [Range<Int>] = []

    /// Takes note of a line. True when it ends here and no responder sees it: framing, and what belongs to this hop (HDR-3).
    mutating func note(_ input: Span<UInt8>, _ name: Range<Int>, _ value: Range<Int>) throws(RequestRefusal) -> Bool {
        switch name.count {
        case 2: return input.matches(name, "te")
        case 4:
            if input.matches(name, "host") {
                hostCount += 1
                host = value
            }
        case 6:
            guard input.matches(name, "expect") else { return false }
            guard input.matches(value, "100-continue") else { throw .unsupportedExpectation }
            expectsContinue = true
            return true
        case 7: return input.matches(name, "trailer") || input.matches(name, "upgrade") || input.matches(name, "alt-svc")
        case 10:
            if input.matches(name, "connection") {
                try noteConnection(input, value)
                return true
            }
            return input.matches(name, "keep-alive")
        case 14:
            guard input.matches(name, "content-length") else { return false }
            try noteContentLength(input, value)
            return true
        case 16: return input.matches(name, "proxy-connection")
        case 17:
            guard input.matches(name, "transfer-encoding") else { return false }
            guard !isChunked, input.matches(value, "chunked") else { throw .unsupportedTransferCoding }
            isChunked = true
            return true
        case 18: return input.matches(name, "proxy-authenticate")
        case 19: return input.matches(name, "proxy-authorization")
        default: break
        }
        return false
    }

    /// Judges what only all lines together can tell.
    func settle(_ input: Span<UInt8>, authority: Range<Int>?) throws(RequestRefusal) -> RequestHead {
        if hostCount == 0 { throw .missingHost }
        if hostCount > 1 { throw .repeatedHost }
        guard RequestTarget.isAuthority(input, host) else { throw .invalidHost }
        if let authority {
            guard authority.count == host.count else { throw .authorityMismatch }
            for offset in 0..<host.count
            where lowered(input[authority.lowerBound + offset]) != lowered(input[host.lowerBound + offset]) {
                throw .authorityMismatch
            }
        }
        if isChunked, contentLength != nil { throw .ambiguousFraming }
        if isChunked, isVersion10 { throw .unsupportedTransferCoding }
        var head = RequestHead()
        head.isVersion10 = isVersion10
        head.persists = !closes && !isVersion10
        if isChunked {
            head.framing = .chunked
        } else if let contentLength, contentLength > 0 {
            head.framing = .length(contentLength)
        }
        head.expectsContinue = expectsContinue && !isVersion10 && head.framing != .none
        return head
    }

    /// Removes the fields `Connection` named: they were for this hop (RFC 9110 §7.6.1).
    func removeNominated(_ input: Span<UInt8>, from fields: inout Fields) {
        for name in nominated {
            var lowerName: [UInt8] = []
            for index in name { lowerName.append(lowered(input[index])) }
            fields.removeEntries { $0.elementsEqual(lowerName) }
        }
    }

    private mutating func noteContentLength(_ input: Span<UInt8>, _ value: Range<Int>) throws(RequestRefusal) {
        if contentLength != nil { throw .repeatedContentLength }
        guard !value.isEmpty, value.count <= 16 else { throw .invalidContentLength }
        var length = 0
        for index in value {
            let digit = input[index] &- 0x30
            guard digit <= 9 else { throw .invalidContentLength }
            length = length * 10 + Int(digit)
        }
        guard length <= 1 << 53 else { throw .invalidContentLength }
        contentLength = length
    }

    private mutating func noteConnection(_ input: Span<UInt8>, _ value: Range<Int>) throws(RequestRefusal) {
        var start = value.lowerBound
        while start <= value.upperBound {
            let comma = input.firstIndex(of: UInt8(ascii: ","), from: start, to: value.upperBound) ?? value.upperBound
            let option = input.trimmed(start..<comma)
            start = comma + 1
            if option.isEmpty || input.matches(option, "keep-alive") { continue }
            if input.matches(option, "close") {
                closes = true
                continue
            }
            if Self.isProtected(input, option) { throw .protectedConnectionOption }
            nominated.append(option)
        }
    }

    /// Fields a client must not be able to have removed on the way to whoever decides by them (HDR-3).
    private static func isProtected(_ input: Span<UInt8>, _ option: Range<Int>) -> Bool {
        switch option.count {
        case 4: return input.matches(option, "host") || input.matches(option, "dpop")
        case 6: return input.matches(option, "cookie") || input.matches(option, "origin")
        case 9: return input.matches(option, "x-api-key")
        case 12: return input.matches(option, "content-type")
        case 13: return input.matches(option, "authorization")
        case 14: return input.matches(option, "content-length")
        case 17: return input.matches(option, "transfer-encoding")
        default: return option.count > 12 && input.matches(option.lowerBound..<option.lowerBound + 12, "x-gatehouse-")
        }
    }
}

extension Fields {
    /// Removes every line whose lower-case name satisfies the predicate.
    mutating func removeEntries(where predicate: (ArraySlice<UInt8>) -> Bool) {
        func name(_ entry: Entry) -> ArraySlice<UInt8> {
            bytes[Int(entry.nameStart)..<Int(entry.nameStart) + Int(entry.nameLength)]
        }
        if entries.contains(where: { predicate(name($0)) }) { entries = entries.filter { !predicate(name($0)) } }
    }
}
