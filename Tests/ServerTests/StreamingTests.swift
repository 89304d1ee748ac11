import HTTP
import Primitives
import Server
import Testing
import Transport

@Suite struct StreamingTests {
    private static let request = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"

    @Test func `each piece leaves when it is written`() async throws {
        let gate = Gate()
        let fixture = try ServerFixture(
            Answer { _, _ in
                Response(
                    .ok,
                    body: .stream { writer in
                        try? await writer.write(Array("first".utf8))
                        await gate.wait()
                        try? await writer.write(Array("second".utf8))
                    })
            })
        let client = try fixture.connect()
        client.send(Self.request)
        let head = try await client.read(until: "5\r\nfirst\r\n")
        #expect(head.contains("transfer-encoding: chunked") && !head.contains("second"))
        await gate.open()
        #expect(try await client.read(until: "0\r\n\r\n") == "6\r\nsecond\r\n0\r\n\r\n")
        // The connection lives on.
        client.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        #expect(try await client.readToEnd().hasSuffix("6\r\nsecond\r\n0\r\n\r\n"))
        await fixture.stop()
    }

    @Test func `a producer waits for a reader that is slow, and learns that it left`() async throws {
        let written = Monitor(0)
        let ended = Gate()
        let fixture = try ServerFixture(
            Answer { _, _ in
                Response(
                    .ok,
                    body: .stream { writer in
                        let piece = [UInt8](repeating: 0x61, count: 1 << 20)
                        do {
                            for _ in 0..<10_000 {
                                try await writer.write(piece)
                                written.update { $0 += 1 }
                            }
                        } catch {
                            await ended.open()
                        }
                    })
            })
        do {
            let client = try fixture.connect()
            client.send(Self.request)
            _ = try await client.read(until: "\r\n\r\n")
        }  // leaves with most of the body unread
        await ended.wait()
        // What the kernel buffers and no more: far from the ten gigabytes on offer.
        #expect(written.update { $0 } < 1000)
        await fixture.stop()
    }

    @Test func `pieces of several tasks do not mix`() async throws {
        let fixture = try ServerFixture(
            Answer { _, _ in
                Response(
                    .ok,
                    body: .stream { writer in
                        await withTaskGroup { group in
                            for letter in UInt8(ascii: "a")...UInt8(ascii: "h") {
                                group.addTask { try? await writer.write([UInt8](repeating: letter, count: 200_000)) }
                            }
                        }
                    })
            }, isSecure: true)
        let reply = try await fixture.curl("-k").output
        #expect(reply.utf8.count == 1_600_000)
        var runs = 0
        var last: UInt8 = 0
        for byte in reply.utf8 where byte != last {
            runs += 1
            last = byte
        }
        #expect(runs == 8)
        await fixture.stop()
    }

    @Test func `a stream to HTTP 1.0 ends with the connection`() async throws {
        let fixture = try ServerFixture(
            Answer { _, _ in Response(.ok, body: .stream { try? await $0.write(Array("plain".utf8)) }) })
        let client = try fixture.connect()
        client.send("GET / HTTP/1.0\r\nHost: a\r\n\r\n")
        #expect(try await client.readToEnd().hasSuffix("connection: close\r\n\r\nplain"))
        await fixture.stop()
    }

    @Test func `a handler is cancelled when its client disconnects`() async throws {
        let started = Gate()
        let cancelled = Gate()
        let sleeper = Monitor<LoopSleeper?>(nil)
        let fixture = try ServerFixture(
            Answer { _, _ in
                await started.open()
                do {
                    try await sleeper.update { $0 }?.sleep(for: .seconds(3600))
                } catch {
                    await cancelled.open()
                }
                return Response(.ok)
            })
        sleeper.update { $0 = LoopSleeper(group: fixture.group) }
        do {
            let client = try fixture.connect()
            client.send(Self.request)
            await started.wait()
        }
        await cancelled.wait()
        await fixture.stop()
    }
}

/// Opens once; whoever waits goes through then.
actor Gate {
    private var isOpen = false
    private var waiting: [CheckedContinuation<Void, Never>] = []

    func open() {
        isOpen = true
        for continuation in waiting { continuation.resume() }
        waiting = []
    }

    func wait() async {
        if !isOpen { await withCheckedContinuation { waiting.append($0) } }
    }
}
