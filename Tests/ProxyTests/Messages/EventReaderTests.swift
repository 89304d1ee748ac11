import Proxy
import Testing

@Suite struct EventReaderTests {
    private static let stream =
        "\u{FEFF}: hello\n\nevent: message\nid: s.1\ndata: {\"a\":\ndata:1}\n\r\nretry: 500\r\ndata: x\r\n\r\nid: s.2\rdata:\r\rdata: cut"

    private func read(_ cuts: [Int]) throws -> [StreamEvent] {
        let bytes = Array(Self.stream.utf8)
        var reader = EventReader(limit: 1024)
        var events: [StreamEvent] = []
        var start = 0
        for cut in cuts + [bytes.count] {
            try reader.feed(Array(bytes[start..<cut]))
            start = cut
            while let event = reader.next() { events.append(event) }
        }
        return events
    }

    @Test func `every event comes out whole, however the stream is split`() throws {
        let whole = try read([])
        #expect(
            whole == [
                StreamEvent(id: "s.1", data: Array("{\"a\":\n1}".utf8), hasData: true),
                StreamEvent(retry: 500, data: Array("x".utf8), hasData: true), StreamEvent(id: "s.2", data: [], hasData: true),
            ])
        let count = Self.stream.utf8.count
        for cut in 0...count { #expect(try read([cut]) == whole) }
        #expect(try read(Array(0...count)) == whole)
    }

    @Test func `an event beyond the limit is refused, in one line or in many`() {
        var reader = EventReader(limit: 10)
        #expect(throws: EventReader.TooLarge.self) { try reader.feed(Array("data: 0123456789".utf8)) }
        var other = EventReader(limit: 10)
        #expect(throws: EventReader.TooLarge.self) { try other.feed(Array("data:01234\ndata:01234".utf8)) }
    }
}
