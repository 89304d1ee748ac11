/// The head of an answer of another server, framing settled (RFC 9112 §6.3).
package struct UpstreamHead: Sendable {
    package enum Framing: Sendable, Equatable {
        case none
        case length(Int)
        case chunked
        /// The body ends with the connection.
        case untilClose
    }

    package let status: Int
    /// End-to-end fields only: what belongs to the hop, and what `Connection` names, is taken out (HDR-3).
    package let fields: Fields
    package let framing: Framing
    /// True when the connection may carry another exchange after this body.
    package let persists: Bool
    /// Bytes the head took, the empty line included.
    package let length: Int
}

/// Why an answer of another server is no HTTP we accept. One parse, or none: nothing is repaired (HTTP-2).
package enum UpstreamRefusal: String, Error, Sendable {
    case malformedStatusLine = "malformed_status_line"
    case malformedField = "malformed_field"
    case headTooLarge = "head_too_large"
    case ambiguousFraming = "ambiguous_framing"
    case unsupportedTransferCoding = "unsupported_transfer_coding"
    case invalidContentLength = "invalid_content_length"
    /// An upgrade nobody asked for.
    case switchedProtocols = "switched_protocols"
    case malformedChunk = "malformed_chunk"
}

/// Parses the head of an answer, strictly. Fed with everything received since it began, as often as bytes arrive; how they are
/// split changes nothing.
package struct ResponseHeadParser: Sendable {
    /// The longest head, in bytes, and the most field lines.
    package static let headLimit = 64 * 1024
    static let fieldLimit = 128

    private var searched = 0

    package init() {}

    /// - Returns: nil until the head is complete. Interim answers (1xx) come out like others: drop `length` bytes, parse on.
    /// - Parameter isHead: the request was HEAD, so no body follows whatever the fields say.
    package mutating func parse(_ input: Span<UInt8>, isHead: Bool = false) throws(UpstreamRefusal) -> UpstreamHead? {
        guard let end = endOfHead(input) else {
            guard input.count <= Self.headLimit else { throw .headTooLarge }
            return nil
        }
        guard end <= Self.headLimit else { throw .headTooLarge }
        var lines = LineCursor(end: end - 2)
        guard let first = try lines.next(input) else { throw .malformedStatusLine }
        let (status, isVersion10) = try Self.statusLine(input, first)
        var facts = Facts(start: first.upperBound + 2)
        while let line = try lines.next(input) { try facts.note(input, line) }
        return try facts.settle(input, status: status, isVersion10: isVersion10, isHead: isHead, length: end)
    }

    /// The offset behind the empty line.
    private mutating func endOfHead(_ input: Span<UInt8>) -> Int? {
        var index = max(3, searched)
        while index < input.count {
            if input[index] == 0x0A, input[index - 1] == 0x0D, input[index - 2] == 0x0A, input[index - 3] == 0x0D {
                return index + 1
            }
            index += 1
        }
        searched = index
        return nil
    }

    /// `HTTP/1.1 200 OK`; the phrase may be missing and means nothing.
    private static func statusLine(_ input: Span<UInt8>, _ line: Range<Int>) throws(UpstreamRefusal) -> (Int, Bool) {
        let start = line.lowerBound
        guard line.count >= 12, input.matches(start..<start + 7, "http/1."), input[start] == UInt8(ascii: "H"),
            input[start + 8] == 0x20, line.count == 12 || input[start + 12] == 0x20
        else { throw .malformedStatusLine }
        let minor = input[start + 7]
        guard minor == 0x30 || minor == 0x31 else { throw .malformedStatusLine }
        var status = 0
        for index in start + 9..<start + 12 {
            guard input[index] >= 0x30, input[index] <= 0x39 else { throw .malformedStatusLine }
            status = status * 10 + Int(input[index] - 0x30)
        }
        guard status >= 100, !input.hasControls(line) else { throw .malformedStatusLine }
        if status == 101 { throw .switchedProtocols }
        return (status, minor == 0x30)
    }
}

/// Walks lines that end with CRLF and hold neither byte inside.
private struct LineCursor {
    let end: Int
    private var start = 0

    init(end: Int) { self.end = end }

    mutating func next(_ input: Span<UInt8>) throws(UpstreamRefusal) -> Range<Int>? {
        guard start < end else { return nil }
        guard let feed = input.firstIndex(of: 0x0A, from: start, to: end), feed > start, input[feed - 1] == 0x0D else {
            throw .malformedField
        }
        let line = start..<feed - 1
        start = feed + 1
        return line
    }
}

/// What the field lines of an answer say, collected line by line and judged at the end.
private struct Facts {
    /// Where the field lines begin.
    private let start: Int
    private var fields = Fields()
    private var count = 0
    private var contentLength: Int?
    private var isChunked = false
    private var closes = false
    private var keepsAlive = false
    private var nominated: [[UInt8]] = []

    init(start: Int) { self.start = start }

    mutating func note(_ input: Span<UInt8>, _ line: Range<Int>) throws(UpstreamRefusal) {
        count += 1
        guard count <= ResponseHeadParser.fieldLimit else { throw .headTooLarge }
        var colon = line.lowerBound
        while colon < line.upperBound, Self.isToken(input[colon]) { colon += 1 }
        guard colon > line.lowerBound, colon < line.upperBound, input[colon] == UInt8(ascii: ":") else { throw .malformedField }
        let name = line.lowerBound..<colon
        let value = input.trimmed(colon + 1..<line.upperBound)
        if input.hasControls(value) { throw .malformedField }
        if try !noteHop(input, name, value) { fields.appendEntry(name: name, value: value, base: start) }
    }

    /// True for a field of this hop, which ends here.
    private mutating func noteHop(_ input: Span<UInt8>, _ name: Range<Int>, _ value: Range<Int>) throws(UpstreamRefusal) -> Bool {
        switch name.count {
        case 2: return input.matches(name, "te")
        case 7: return input.matches(name, "trailer") || input.matches(name, "upgrade") || input.matches(name, "alt-svc")
        case 10:
            guard input.matches(name, "connection") else { return input.matches(name, "keep-alive") }
            for element in input.listElements(value) where !element.isEmpty {
                if input.matches(element, "close") {
                    closes = true
                } else if input.matches(element, "keep-alive") {
                    keepsAlive = true
                } else {
                    nominated.append(element.map { lowered(input[$0]) })
                }
            }
            return true
        case 14:
            guard input.matches(name, "content-length") else { return false }
            guard contentLength == nil else { throw .ambiguousFraming }
            guard !value.isEmpty, value.count <= 15 else { throw .invalidContentLength }
            var length = 0
            for index in value {
                guard input[index] >= 0x30, input[index] <= 0x39 else { throw .invalidContentLength }
                length = length * 10 + Int(input[index] - 0x30)
            }
            contentLength = length
            return true
        case 16: return input.matches(name, "proxy-connection")
        case 17:
            guard input.matches(name, "transfer-encoding") else { return false }
            guard !isChunked, input.matches(value, "chunked") else { throw .unsupportedTransferCoding }
            isChunked = true
            return true
        case 18: return input.matches(name, "proxy-authenticate")
        case 19: return input.matches(name, "proxy-authorization")
        default: return false
        }
    }

    mutating func settle(
        _ input: Span<UInt8>, status: Int, isVersion10: Bool, isHead: Bool, length: Int
    ) throws(UpstreamRefusal) -> UpstreamHead {
        if isChunked, contentLength != nil || isVersion10 { throw .ambiguousFraming }
        fields.adopt(input.extracting(start..<length))
        for name in nominated { fields.removeEntries { $0.elementsEqual(name) } }
        let framing: UpstreamHead.Framing
        if isHead || status < 200 || status == 204 || status == 304 {
            framing = .none
        } else if isChunked {
            framing = .chunked
        } else if let contentLength {
            framing = .length(contentLength)
        } else {
            framing = .untilClose
        }
        let persists = !closes && framing != .untilClose && (!isVersion10 || keepsAlive)
        return UpstreamHead(status: status, fields: fields, framing: framing, persists: persists, length: length)
    }

    /// A name we only pass on or drop may hold what a request of ours may not: `_` and `.`.
    private static func isToken(_ byte: UInt8) -> Bool {
        ByteClass.isFieldName(byte) || byte == UInt8(ascii: "_") || byte == UInt8(ascii: ".")
    }
}
