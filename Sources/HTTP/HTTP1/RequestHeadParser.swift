internal import Glibc

/// Parses request heads, strictly (HTTP-1): one reading or none. Fed with everything received since the head began, as often
/// as bytes arrive; how they are split changes nothing. Reusable after it returned a head.
package struct RequestHeadParser: Sendable {
    private enum Phase { case requestLine, fields }

    let limits: RequestHeadLimits
    private var phase = Phase.requestLine
    private var lineStart = 0
    /// Everything before this offset was searched for a line feed.
    private var searched = 0
    private var hasSkippedEmptyLine = false
    var fieldsStart = 0
    var facts = FieldFacts()
    var authority: Range<Int>?

    package init(limits: RequestHeadLimits = RequestHeadLimits()) { self.limits = limits }

    /// True once a byte of a request was seen.
    package var hasBegun: Bool { searched > 0 }

    /// - Parameter input: the bytes since the head began; the same ones again plus the new ones on each call.
    /// - Returns: nil until the head is complete. Then `request` holds all but the body, and `length` bytes are to be consumed.
    /// - Throws: the first rule broken; the connection is then to be answered and closed.
    package mutating func parse(_ input: Span<UInt8>, into request: inout Request) throws(RequestRefusal) -> RequestHead? {
        while let feed = input.firstIndex(of: 0x0A, from: searched) {
            do throws(RequestRefusal) {
                if let head = try parseLine(input, feed, into: &request) { return head }
            } catch {
                // A bare carriage return is refused as that, whatever else it broke: it is what a shorter input shows first.
                throw hasBareReturn(input, end: feed + 1) ? .bareLineBreak : error
            }
        }
        searched = input.count
        if hasBareReturn(input, end: input.count) { throw .bareLineBreak }
        try checkLength(input, end: input.count)
        return nil
    }

    private mutating func parseLine(
        _ input: Span<UInt8>, _ feed: Int, into request: inout Request
    ) throws(RequestRefusal) -> RequestHead? {
        try checkLength(input, end: feed + 1)
        guard feed > lineStart, input[feed - 1] == 0x0D else { throw .bareLineBreak }
        let line = lineStart..<feed - 1
        switch phase {
        case .requestLine:
            // RFC 9112 §2.2: one stray CRLF after a body is forgiven.
            if line.isEmpty, !hasSkippedEmptyLine {
                hasSkippedEmptyLine = true
            } else {
                try parseRequestLine(input, line, into: &request)
                phase = .fields
                fieldsStart = feed + 1
                request.fields.removeAll()
            }
        case .fields where line.isEmpty: return try finish(input, end: feed + 1, into: &request)
        case .fields: try parseField(input, line, into: &request.fields)
        }
        searched = feed + 1
        lineStart = feed + 1
        return nil
    }

    private var lengthStart: Int { phase == .requestLine ? lineStart : fieldsStart }
    private var lengthLimit: Int { phase == .requestLine ? limits.requestLine : limits.fieldBlock }

    /// True when the current line has a carriage return, within its limit, that no line feed follows.
    private func hasBareReturn(_ input: Span<UInt8>, end: Int) -> Bool {
        guard let carriageReturn = input.firstIndex(of: 0x0D, from: lineStart, to: end), carriageReturn + 1 < end else {
            return false
        }
        return input[carriageReturn + 1] != 0x0A && carriageReturn - lengthStart < lengthLimit
    }

    /// Refuses a line or block beyond its limit, whether complete or not.
    private func checkLength(_ input: Span<UInt8>, end: Int) throws(RequestRefusal) {
        guard end - lengthStart > lengthLimit else { return }
        guard phase == .requestLine else { throw .fieldsTooLarge }
        // The line end does not count.
        var length = end - lineStart
        if input[end - 1] == 0x0A { length -= 1 }
        if length > 0, input[lineStart + length - 1] == 0x0D { length -= 1 }
        if length > lengthLimit { throw .requestLineTooLong }
    }

    private mutating func finish(
        _ input: Span<UInt8>, end: Int, into request: inout Request
    ) throws(RequestRefusal) -> RequestHead {
        var head = try facts.settle(input, authority: authority)
        head.length = end
        request.fields.adopt(input.extracting(fieldsStart..<end))
        facts.removeNominated(input, from: &request.fields)
        self = RequestHeadParser(limits: limits)
        return head
    }
}

extension RequestHeadParser {
    fileprivate mutating func parseRequestLine(
        _ input: Span<UInt8>, _ line: Range<Int>, into request: inout Request
    ) throws(RequestRefusal) {
        guard let first = input.firstIndex(of: 0x20, from: line.lowerBound, to: line.upperBound),
            let second = input.firstIndex(of: 0x20, from: first + 1, to: line.upperBound),
            line.upperBound - second == 9, first > line.lowerBound, second > first + 1
        else { throw .malformedRequestLine }
        for index in line.lowerBound..<first where !ByteClass.isFieldName(input[index]) { throw .malformedRequestLine }
        try parseVersion(input, second + 1)
        authority = try RequestTarget.parse(input, first + 1..<second, into: &request)
        guard let method = Self.method(input, line.lowerBound..<first) else { throw .unknownMethod }
        request.method = method
        if request.path == "*", method != .options { throw .malformedTarget }
    }

    private mutating func parseVersion(_ input: Span<UInt8>, _ start: Int) throws(RequestRefusal) {
        let prefix: StaticString = "HTTP/1."
        for offset in 0..<7 where input[start + offset] != (unsafe prefix.utf8Start[offset]) { throw .unsupportedVersion }
        switch input[start + 7] {
        case UInt8(ascii: "1"): facts.isVersion10 = false
        case UInt8(ascii: "0"): facts.isVersion10 = true
        default: throw .unsupportedVersion
        }
    }

    static func method(_ input: Span<UInt8>, _ range: Range<Int>) -> Method? {
        func `is`(_ name: StaticString) -> Bool {
            for offset in 0..<range.count where input[range.lowerBound + offset] != (unsafe name.utf8Start[offset]) {
                return false
            }
            return true
        }
        switch range.count {
        case 3: return `is`("GET") ? .get : `is`("PUT") ? .put : nil
        case 4: return `is`("POST") ? .post : `is`("HEAD") ? .head : nil
        case 5: return `is`("PATCH") ? .patch : nil
        case 6: return `is`("DELETE") ? .delete : nil
        case 7: return `is`("OPTIONS") ? .options : nil
        default: return nil
        }
    }

    fileprivate mutating func parseField(
        _ input: Span<UInt8>, _ line: Range<Int>, into fields: inout Fields
    ) throws(RequestRefusal) {
        var colon = line.lowerBound
        while colon < line.upperBound, ByteClass.isFieldName(input[colon]) { colon += 1 }
        guard colon < line.upperBound, input[colon] == UInt8(ascii: ":"), colon > line.lowerBound else {
            // A fold begins with white space; a line without a colon has nothing to end its name.
            let isFold = input[line.lowerBound] == 0x20 || input[line.lowerBound] == 0x09
            let hasColon = input.firstIndex(of: UInt8(ascii: ":"), from: line.lowerBound, to: line.upperBound) != nil
            throw isFold || !hasColon ? .malformedFieldLine : .invalidFieldName
        }
        let name = line.lowerBound..<colon
        let value = input.trimmed(colon + 1..<line.upperBound)
        if input.hasControls(value) { throw .invalidFieldValue }
        // Some parsers trim these two as white space (HTTP-1).
        if !value.isEmpty, Self.isOddSpace(input[value.lowerBound]) || Self.isOddSpace(input[value.upperBound - 1]) {
            throw .invalidFieldValue
        }
        facts.count += 1
        if facts.count > limits.fields { throw .tooManyFields }
        if try !facts.note(input, name, value) {
            fields.appendEntry(name: name, value: value, base: fieldsStart)
        }
    }
}

extension RequestHeadParser {
    private static func isOddSpace(_ byte: UInt8) -> Bool { byte == 0x85 || byte == 0xA0 }
}

extension Span<UInt8> {
    /// True when the range holds a control byte other than tab. Eight bytes at a time: values are most of a head (measured).
    @inline(__always) func hasControls(_ range: Range<Int>) -> Bool {
        unsafe withUnsafeBytes { bytes in
            precondition(range.lowerBound >= 0 && range.upperBound <= bytes.count)
            var index = range.lowerBound
            let ones: UInt64 = 0x0101_0101_0101_0101
            while index + 8 <= range.upperBound {
                let word = unsafe bytes.loadUnaligned(fromByteOffset: index, as: UInt64.self)
                let delete = word ^ (ones &* 0x7F)
                // The high bit of a byte below 0x20, or equal to 0x7F; a false alarm only above a true one.
                let alarm = ((word &- ones &* 0x20) & ~word | (delete &- ones) & ~delete) & (ones &* 0x80)
                if alarm != 0 {
                    for offset in index..<index + 8 where !ByteClass.isFieldValue(unsafe bytes[offset]) { return true }
                }
                index += 8
            }
            while index < range.upperBound {
                if !ByteClass.isFieldValue(unsafe bytes[index]) { return true }
                index += 1
            }
            return false
        }
    }

    /// The offset of the first such byte in `start..<end`.
    @inline(__always) func firstIndex(of byte: UInt8, from start: Int, to end: Int? = nil) -> Int? {
        let end = end ?? count
        guard start < end else { return nil }
        return unsafe withUnsafeBufferPointer { bytes in
            guard let base = bytes.baseAddress,
                let found = unsafe memchr(base + start, CInt(byte), end - start)
            else { return nil }
            return unsafe UnsafeRawPointer(found) - UnsafeRawPointer(base)
        }
    }
}

extension Fields {
    /// Notes where a line's name and value stand, relative to `base`; `adopt` brings the bytes.
    @inline(__always)
    mutating func appendEntry(name: Range<Int>, value: Range<Int>, base: Int) {
        entries.append(
            Entry(
                nameStart: UInt32(name.lowerBound - base), nameLength: UInt16(truncatingIfNeeded: name.count),
                valueStart: UInt32(value.lowerBound - base), valueLength: UInt32(value.count)))
    }

    /// Copies the block the noted entries point into, in one piece, and lowers the names.
    mutating func adopt(_ block: Span<UInt8>) {
        unsafe block.withUnsafeBufferPointer { unsafe bytes.append(contentsOf: $0) }
        // One check that the buffer is ours alone, not one a byte.
        unsafe bytes.withUnsafeMutableBufferPointer { bytes in
            for entry in entries {
                for index in Int(entry.nameStart)..<Int(entry.nameStart) + Int(entry.nameLength) {
                    unsafe bytes[index] = lowered(bytes[index])
                }
            }
        }
    }
}
