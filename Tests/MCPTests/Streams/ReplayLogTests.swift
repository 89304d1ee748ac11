import Primitives
import Testing

@testable import MCP

@Suite struct ReplayLogTests {
    private func texts(_ events: [[UInt8]]?) -> [String]? { events?.map { String(decoding: $0, as: UTF8.self) } }

    @Test func `whoever comes back gets what came after, then what comes`() async {
        let (log, reader) = (ReplayLog(name: 3), OpenStream())
        for byte in [UInt8(ascii: "a"), UInt8(ascii: "b")] { log.append([byte]) }
        #expect(texts(log.attach(reader, after: 1)) == ["id: 3.2\ndata: b\n\n"])
        log.append([UInt8(ascii: "c")])
        log.finish(at: .now())
        #expect(await reader.next() == .event(Array("id: 3.3\ndata: c\n\n".utf8)))
        #expect(await reader.next() == .ended)
        #expect(log.finishedAt != nil)
    }

    @Test func `an event never sent, or no longer kept, is no place to go on from`() {
        let log = ReplayLog(name: 1)
        _ = log.attach(OpenStream(), after: 0)
        log.append([0x61])
        log.append(Array(repeating: 0x61, count: ReplayLog.limit))
        log.append([0x61])
        #expect(log.attach(OpenStream(), after: 1) == nil && log.attach(OpenStream(), after: 4) == nil)
        #expect(log.attach(OpenStream(), after: 2)?.count == 1 && log.attach(OpenStream(), after: -1) == nil)
    }

    @Test func `what nobody has read yet is kept longer, and a first reader gets what there is`() {
        let log = ReplayLog(name: 1)
        for _ in 0..<3 { log.append(Array(repeating: 0x61, count: ReplayLog.limit)) }
        #expect(log.attach(OpenStream(), after: 0)?.count == 3)
        let flooded = ReplayLog(name: 2)
        for _ in 0..<20 { flooded.append(Array(repeating: 0x61, count: ReplayLog.limit)) }
        #expect(flooded.attach(OpenStream(), after: 0)?.count == 15)
    }

    @Test func `a pause waits for its reader, and sends one reader away only`() async {
        let (log, first, second) = (ReplayLog(name: 1), OpenStream(), OpenStream())
        log.append([])
        log.pause(500)
        #expect(texts(log.attach(first, after: 0)) == ["id: 1.1\ndata: \n\n", "retry: 500\n\n"])
        #expect(await first.next() == .ended)
        #expect(texts(log.attach(second, after: 1)) == [])
        log.append([0x61])
        #expect(await second.next() == .event(Array("id: 1.2\ndata: a\n\n".utf8)))
    }

    @Test func `a second reader takes the place of the first`() async {
        let (log, first, second) = (ReplayLog(name: 1), OpenStream(), OpenStream())
        _ = log.attach(first, after: 0)
        _ = log.attach(second, after: 0)
        #expect(await first.next() == .gone)
        log.append([0x61])
        #expect(await second.next() == .event(Array("id: 1.1\ndata: a\n\n".utf8)))
    }
}
