import Primitives
import Testing

@Suite struct ByteBufferTests {
    @Test func `a buffer without memory takes some with the first byte`() {
        var buffer = ByteBuffer()
        let before = buffer.capacity
        buffer.append("abc")
        #expect(before == 0)
        #expect(Self.text(of: buffer) == "abc")
    }

    @Test func `memory changes hands and the giver is left without`() {
        var giver = ByteBuffer(capacity: 128)
        giver.append("old")
        giver.consume(3)
        var taker = ByteBuffer(giver.takeMemory())
        let capacities = [giver.capacity, taker.capacity]
        taker.append("new")
        giver.append("own")
        #expect(capacities == [0, 128])
        #expect([Self.text(of: taker), Self.text(of: giver)] == ["new", "own"])
    }

    private static func text(of buffer: borrowing ByteBuffer) -> String {
        buffer.withBytes { bytes in String(decoding: bytes.indices.map { bytes[$0] }, as: UTF8.self) }
    }
}
