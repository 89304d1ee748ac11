internal import Primitives

/// Decodes the chunked coding (RFC 9112 §7.1), strictly (HTTP-1). Extensions are bounded and ignored, trailers dropped.
package struct ChunkedDecoder: Sendable {
    private enum Phase: Equatable {
        case size, `extension`, sizeLineFeed, data, dataCarriageReturn, dataLineFeed
        case trailerStart, trailer, trailerLineFeed, endLineFeed, done
    }

    /// Bytes of extensions in one chunk header, and of all trailers.
    static let extensionLimit = 256
    static let trailerLimit = 4096

    private var phase = Phase.size
    private var digits = 0
    private var remaining = 0
    private var ignored = 0
    /// An LWS-led or colon-less trailer is as malformed as such a field; these follow the current line.
    private var trailerHasColon = false

    package init() {}

    /// True after the last chunk and its trailers.
    package var isDone: Bool { phase == .done }

    /// Consumes from `input` and appends data to `body`.
    /// - Parameter limit: the largest body, in bytes.
    /// - Returns: how many bytes were consumed; all of them unless done.
    /// - Throws: `.malformedChunk`, or `.bodyTooLarge` as soon as a chunk header announces more than may come.
    package mutating func decode(
        _ input: Span<UInt8>, into body: inout [UInt8], limit: Int
    ) throws(RequestRefusal) -> Int {
        var index = 0
        while index < input.count, phase != .done {
            if phase == .data {
                let count = min(remaining, input.count - index)
                unsafe input.extracting(index..<index + count).withUnsafeBufferPointer { unsafe body.append(contentsOf: $0) }
                index += count
                remaining -= count
                if remaining == 0 { phase = .dataCarriageReturn }
            } else {
                try step(input[index], room: limit - body.count)
                index += 1
            }
        }
        return index
    }

    private mutating func step(_ byte: UInt8, room: Int) throws(RequestRefusal) {
        switch phase {
        case .size: try readSize(byte, room: room)
        case .extension: try skip(byte, limit: Self.extensionLimit, then: .sizeLineFeed)
        case .sizeLineFeed: try expect(0x0A, byte, then: remaining == 0 ? .trailerStart : .data)
        case .dataCarriageReturn: try expect(0x0D, byte, then: .dataLineFeed)
        case .dataLineFeed:
            try expect(0x0A, byte, then: .size)
            digits = 0
            ignored = 0
        case .trailerStart:
            trailerHasColon = false
            if byte == 0x0D {
                phase = .endLineFeed
            } else {
                guard ByteClass.isFieldName(byte) else { throw .malformedChunk }
                try skip(byte, limit: Self.trailerLimit, then: .trailerLineFeed)
                phase = .trailer
            }
        case .trailer:
            if byte == 0x0D, !trailerHasColon { throw .malformedChunk }
            if !trailerHasColon, byte != UInt8(ascii: ":"), !ByteClass.isFieldName(byte) { throw .malformedChunk }
            if byte == UInt8(ascii: ":") { trailerHasColon = true }
            try skip(byte, limit: Self.trailerLimit, then: .trailerLineFeed)
        case .trailerLineFeed: try expect(0x0A, byte, then: .trailerStart)
        case .endLineFeed: try expect(0x0A, byte, then: .done)
        case .data, .done: break
        }
    }

    private mutating func readSize(_ byte: UInt8, room: Int) throws(RequestRefusal) {
        if let digit = Hex.value(of: byte) {
            digits += 1
            guard digits <= 16 else { throw .malformedChunk }
            if digits == 1 { remaining = 0 }
            guard remaining < 1 << 53 else { throw .bodyTooLarge }
            remaining = remaining << 4 | Int(digit)
            return
        }
        guard digits > 0, byte == 0x0D || byte == UInt8(ascii: ";") else { throw .malformedChunk }
        guard remaining <= room else { throw .bodyTooLarge }
        phase = byte == 0x0D ? .sizeLineFeed : .extension
    }

    private mutating func skip(_ byte: UInt8, limit: Int, then next: Phase) throws(RequestRefusal) {
        if byte == 0x0D {
            phase = next
            return
        }
        ignored += 1
        guard ignored <= limit, ByteClass.isFieldValue(byte) else { throw .malformedChunk }
    }

    private mutating func expect(_ wanted: UInt8, _ byte: UInt8, then next: Phase) throws(RequestRefusal) {
        guard byte == wanted else { throw .malformedChunk }
        phase = next
    }
}
