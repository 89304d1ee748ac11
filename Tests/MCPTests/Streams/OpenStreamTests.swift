import Testing

@testable import MCP

@Suite struct OpenStreamTests {
    @Test func `events come first and in order, an end after them`() async {
        let stream = OpenStream()
        stream.push([1])
        stream.push([2])
        stream.send(.ended)
        stream.send(.keepAlive)
        for expected in [.event([1]), .event([2]), .ended] as [OpenStream.Signal] { #expect(await stream.next() == expected) }
    }

    @Test func `the same event again, still unsent, says nothing new`() async {
        let stream = OpenStream()
        for _ in 0..<3 { stream.push([1]) }
        stream.push([1], isRepeatable: true)
        stream.send(.closing)
        for expected in [.event([1]), .event([1]), .closing] as [OpenStream.Signal] { #expect(await stream.next() == expected) }
    }

    @Test func `a reader too slow loses the stream, not single events`() async {
        let stream = OpenStream()
        for number in 0...OpenStream.capacity { stream.push([UInt8(number & 0xFF), UInt8(number >> 8)]) }
        #expect(await stream.next() == .gone)
    }
}
