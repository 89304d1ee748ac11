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
            try checkLine(input, end: feed + 1)
            guard feed > lineStart, input[feed - 1] == 0x0D else { throw .bareLineBreak }
            let line = lineStart..<feed - 1
            searched = feed + 1
            lineStart = feed + 1
            switch phase {
            case .requestLine:
                // RFC 9112 §2.2: one stray CRLF after a body is forgiven.
                if line.isEmpty, !hasSkippedEmptyLine {
                    hasSkippedEmptyLine = true
                    continue
                }
                try parseRequestLine(input, line, into: &request)
                phase = .fields
                fieldsStart = lineStart
                request.fields.removeAll()
            case .fields where line.isEmpty:
                return try finish(input, end: feed + 1, into: &request)
            case .fields:
                try parseField(input, line, into: &request.fields)
            }
        }
        searched = input.count
        try checkLine(input, end: input.count)
        return nil
    }

    /// Refuses a carriage return inside the line, then a line or block beyond its limit, whether complete or not.
    private func checkLine(_ input: Span<UInt8>, end: Int) throws(RequestRefusal) {
        let (start, limit) = phase == .requestLine ? (lineStart, limits.requestLine) : (fieldsStart, limits.fieldBlock)
        if let carriageReturn = input.firstIndex(of: 0x0D, from: lineStart, to: end), carriageReturn + 1 < end,
            input[carriageReturn + 1] != 0x0A, carriageReturn - start < limit
        {
            throw .bareLineBreak
        }
        switch phase {
        case .requestLine:
            var length = end - start
            if length > 0, input[end - 1] == 0x0A { length -= 1 }
            if length > 0, input[start + length - 1] == 0x0D { length -= 1 }
            if length > limit { throw .requestLineTooLong }
        case .fields:
            if end - start > limit { throw .fieldsTooLarge }
        }
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

    private static func method(_ input: Span<UInt8>, _ range: Range<Int>) -> Method? {
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
        for index in value where !ByteClass.isFieldValue(input[index]) { throw .invalidFieldValue }
        // Some parsers trim these two as white space (HTTP-1).
        for edge in [value.lowerBound, value.upperBound - 1]
        where !value.isEmpty && (input[edge] == 0x85 || input[edge] == 0xA0) {
            throw .invalidFieldValue
        }
        facts.count += 1
        if facts.count > limits.fields { throw .tooManyFields }
        if try !facts.note(input, name, value) {
            fields.appendEntry(name: name, value: value, base: fieldsStart)
        }
    }
}

extension Span<UInt8> {
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
