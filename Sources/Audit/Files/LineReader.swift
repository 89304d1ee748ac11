internal import Glibc

/// The lines of a part of one file, one at a time, in constant memory.
struct LineReader: ~Copyable {
    /// A longer line is none of ours.
    static let lineLimit = 512 * 1024
    private static let chunk = 64 * 1024

    private let file: Descriptor
    private var position: Int
    private let end: Int
    private var buffer: [UInt8] = []
    private var start = 0

    /// The offset of the next line.
    private(set) var offset: Int

    /// - Parameters:
    ///   - offset: where a line begins.
    ///   - end: what is behind it is not read.
    init(_ path: String, from offset: Int = 0, to end: Int = .max) throws(AuditError) {
        let opened = try Descriptor(opening: path, O_RDONLY)
        self.end = min(end, try opened.size)
        position = offset
        self.offset = offset
        file = opened
    }

    struct Line {
        /// Without the newline.
        let bytes: [UInt8]
        /// False for a last line that was not finished, or one beyond the limit; nothing follows such a line.
        let isWhole: Bool
    }

    /// Nil at the end.
    mutating func next() throws(AuditError) -> Line? {
        var searched = start
        while true {
            if let newline = buffer[searched...].firstIndex(of: 0x0A) {
                let line = Line(bytes: Array(buffer[start..<newline]), isWhole: true)
                offset += newline + 1 - start
                start = newline + 1
                return line
            }
            searched = buffer.count
            guard position < end, buffer.count - start <= Self.lineLimit else { return unfinished() }
            if start > 0 {
                buffer.removeSubrange(..<start)
                searched -= start
                start = 0
            }
            let more = try file.read(min(Self.chunk, end - position), at: position)
            guard !more.isEmpty else { return unfinished() }
            position += more.count
            buffer += more
        }
    }

    private mutating func unfinished() -> Line? {
        guard start < buffer.count else { return nil }
        let line = Line(bytes: Array(buffer[start...]), isWhole: false)
        offset += line.bytes.count
        start = buffer.count
        position = end
        return line
    }
}
