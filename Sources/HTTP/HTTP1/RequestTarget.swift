internal import Primitives

/// Request targets (RFC 9112 §3.2) and authorities: accepted in one spelling only (HTTP-4).
enum RequestTarget {
    /// Fills `path` and `query`. Returns the authority of an absolute-form target, to be compared with `Host`.
    static func parse(
        _ input: Span<UInt8>, _ target: Range<Int>, into request: inout Request
    ) throws(RequestRefusal) -> Range<Int>? {
        if input[target.lowerBound] == UInt8(ascii: "/") {
            try parseOrigin(input, target, into: &request)
            return nil
        }
        if target.count == 1, input[target.lowerBound] == UInt8(ascii: "*") {
            request.path = "*"
            request.query = nil
            return nil
        }
        return try parseAbsolute(input, target, into: &request)
    }

    /// host [ ":" port ], without user information.
    static func isAuthority(_ input: Span<UInt8>, _ range: Range<Int>) -> Bool {
        guard !range.isEmpty, range.count <= 261 else { return false }
        var hostEnd = range.lowerBound
        if input[hostEnd] == UInt8(ascii: "[") {
            guard let bracket = input.firstIndex(of: UInt8(ascii: "]"), from: range.lowerBound, to: range.upperBound),
                input.firstIndex(of: UInt8(ascii: ":"), from: range.lowerBound, to: bracket) != nil,
                IPAddress(input.text(range.lowerBound + 1..<bracket)) != nil
            else { return false }
            hostEnd = bracket + 1
        } else {
            while hostEnd < range.upperBound, ByteClass.isRegisteredName(input[hostEnd]) { hostEnd += 1 }
            guard hostEnd > range.lowerBound else { return false }
        }
        if hostEnd == range.upperBound { return true }
        guard input[hostEnd] == UInt8(ascii: ":"), (1...5).contains(range.upperBound - hostEnd - 1) else { return false }
        var port = 0
        for index in hostEnd + 1..<range.upperBound {
            guard (0x30...0x39).contains(input[index]) else { return false }
            port = port * 10 + Int(input[index] - 0x30)
        }
        return port <= 65_535
    }

    private static func parseOrigin(
        _ input: Span<UInt8>, _ target: Range<Int>, into request: inout Request
    ) throws(RequestRefusal) {
        let mark = input.firstIndex(of: UInt8(ascii: "?"), from: target.lowerBound, to: target.upperBound)
        let path = target.lowerBound..<(mark ?? target.upperBound)
        try checkPath(input, path)
        request.path = input.text(path)
        request.query = nil
        guard let mark else { return }
        let query = mark + 1..<target.upperBound
        for index in query where input[index] <= 0x20 || input[index] >= 0x7F || input[index] == UInt8(ascii: "#") {
            throw .malformedTarget
        }
        request.query = input.text(query)
    }

    private static func parseAbsolute(
        _ input: Span<UInt8>, _ target: Range<Int>, into request: inout Request
    ) throws(RequestRefusal) -> Range<Int> {
        let start: Int
        if target.count > 8, input.matches(target.lowerBound..<target.lowerBound + 8, "https://") {
            start = target.lowerBound + 8
        } else if target.count > 7, input.matches(target.lowerBound..<target.lowerBound + 7, "http://") {
            start = target.lowerBound + 7
        } else {
            throw .malformedTarget
        }
        var end = start
        while end < target.upperBound, input[end] != UInt8(ascii: "/"), input[end] != UInt8(ascii: "?") { end += 1 }
        guard isAuthority(input, start..<end) else { throw .malformedTarget }
        if end < target.upperBound, input[end] == UInt8(ascii: "/") {
            try parseOrigin(input, end..<target.upperBound, into: &request)
        } else {
            guard end == target.upperBound else { throw .malformedTarget }
            request.path = "/"
            request.query = nil
        }
        return start..<end
    }

    /// One pass over the path: every byte allowed, every escape well formed, and every segment what it seems to be.
    private static func checkPath(_ input: Span<UInt8>, _ path: Range<Int>) throws(RequestRefusal) {
        var index = path.lowerBound + 1
        var segment = Segment()
        while index < path.upperBound {
            let byte = input[index]
            index += 1
            switch byte {
            case UInt8(ascii: "/"):
                guard segment.isPlain, !segment.isEmpty else { throw .ambiguousPath }
                segment = Segment()
            case UInt8(ascii: "."): segment.dots += 1
            case UInt8(ascii: "%"):
                guard index + 1 < path.upperBound, let high = Hex.value(of: input[index]),
                    let low = Hex.value(of: input[index + 1])
                else { throw .malformedTarget }
                index += 2
                try segment.add(decoded: high << 4 | low)
            case UInt8(ascii: ";"), UInt8(ascii: "\\"): throw .ambiguousPath
            default:
                guard ByteClass.isPath(byte) else { throw .malformedTarget }
                segment.hasOthers = true
            }
        }
        guard segment.isPlain else { throw .ambiguousPath }
    }

    private struct Segment {
        var dots = 0
        var hasOthers = false

        var isEmpty: Bool { dots == 0 && !hasOthers }
        /// Not `.` or `..`, in whatever spelling.
        var isPlain: Bool { hasOthers || dots == 0 || dots > 2 }

        mutating func add(decoded byte: UInt8) throws(RequestRefusal) {
            switch byte {
            case UInt8(ascii: "/"), UInt8(ascii: "\\"), UInt8(ascii: ";"), 0..<0x20, 0x7F: throw .ambiguousPath
            case UInt8(ascii: "."): dots += 1
            default: hasOthers = true
            }
        }
    }
}
