internal import Primitives

/// One event of `text/event-stream`.
package struct StreamEvent: Sendable, Hashable {
    package var id: String?
    /// Milliseconds a client should wait before it asks again.
    package var retry: Int?
    /// Lines joined by a line feed.
    package var data: [UInt8]
    /// False for an event that had no data line at all.
    package var hasData: Bool

    package init(id: String? = nil, retry: Int? = nil, data: [UInt8], hasData: Bool) {
        self.id = id
        self.retry = retry
        self.data = data
        self.hasData = hasData
    }
}

/// Reads an event stream piece by piece (HTML Living Standard §9.2). How it is split changes nothing.
package struct EventReader {
    package struct TooLarge: Error {}

    private let limit: Int
    private var line: [UInt8] = []
    private var event = StreamEvent(data: [], hasData: false)
    private var isAfterReturn = false
    private var isFirstLine = true
    /// Events read and not taken yet.
    private var events: [StreamEvent] = []
    private var taken = 0

    /// - Parameter limit: bytes of one event; more is refused.
    package init(limit: Int) { self.limit = limit }

    /// The next whole event.
    package mutating func next() -> StreamEvent? {
        guard taken < events.count else {
            events.removeAll(keepingCapacity: true)
            taken = 0
            return nil
        }
        defer { taken += 1 }
        return events[taken]
    }

    /// - Throws: `TooLarge` when one event is longer than the limit.
    package mutating func feed(_ bytes: [UInt8]) throws(TooLarge) {
        for byte in bytes {
            if isAfterReturn, byte == 0x0A {
                isAfterReturn = false
                continue
            }
            isAfterReturn = byte == 0x0D
            if byte == 0x0A || byte == 0x0D {
                endLine()
                line.removeAll(keepingCapacity: true)
            } else {
                line.append(byte)
                if line.count + event.data.count > limit { throw TooLarge() }
            }
        }
    }

    private mutating func endLine() {
        if isFirstLine, line.starts(with: [0xEF, 0xBB, 0xBF]) { line.removeFirst(3) }
        isFirstLine = false
        guard !line.isEmpty else { return endEvent() }
        guard line[0] != UInt8(ascii: ":") else { return }
        let colon = line.firstIndex(of: UInt8(ascii: ":")) ?? line.endIndex
        var value = colon < line.endIndex ? line[(colon + 1)...] : []
        if value.first == 0x20 { value.removeFirst() }
        switch String(decoding: line[..<colon], as: UTF8.self) {
        case "data":
            if event.hasData { event.data.append(0x0A) }
            event.data.append(contentsOf: value)
            event.hasData = true
        case "id" where !value.contains(0): event.id = String(decoding: value, as: UTF8.self)
        case "retry": event.retry = value.count < 10 ? Int(String(decoding: value, as: UTF8.self)) : nil
        default: break
        }
    }

    private mutating func endEvent() {
        if event.hasData || event.id != nil || event.retry != nil { events.append(event) }
        event = StreamEvent(data: [], hasData: false)
    }
}
