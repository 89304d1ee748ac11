import Client
import Crypto
import HTTP
import Primitives
import Synchronization
import Testing

@Suite struct GuardedFetcherTests {
    static let document: @Sendable (Request) async -> Response = { request in
        .json(["path": .string(request.path), "host": .string(request.fields[.host] ?? "")]).with(
            .cacheControl, "public, max-age=900")
    }

    @Test func `a document is fetched from the tested address under its own name`() async throws {
        let fixture = try GuardFixture(Self.document)
        let (body, maxAge) = try await fixture.fetcher.fetch(fixture.url())
        let object = try JSONValue(parsing: body).object
        #expect(object?["path"] == "/document")
        #expect(object?["host"]?.string == "client.example:\(fixture.port)")
        #expect(maxAge == 900)
        #expect(fixture.resolver.hosts == ["client.example"])
        await fixture.stop()
    }

    @Test func `a host in capitals is the same host`() async throws {
        let fixture = try GuardFixture(Self.document)
        _ = try await fixture.fetcher.fetch(fixture.url(host: "CLIENT.Example"))
        #expect(fixture.resolver.hosts == ["client.example"])
        await fixture.stop()
    }

    @Test(arguments: [
        "http://client.example/d", "ftp://client.example/d", "https://user@client.example/d", "https://user:word@client.example/d",
        "https://client.example:8443/d", "https://client.example:80/d", "https://127.0.0.1/d", "https://[::1]/d", "https://127.1/d",
        "https://2130706433/d", "https://0x7f000001/d", "https://0x7f.0.0.0x1/d", "https://017700000001/d", "https://8.8.8.8/d",
        "https://1.2.3.4./d", "https://localhost/d", "https://a.localhost/d", "https://metadata/d",
        "https://metadata.google.internal/d",
        "https://printer.local/d", "https://client.example./d", "https://-client.example/d", "https://client..example/d",
        "https://client%2eexample/d", "https://client_x.example/d", "https://client.example/d#part",
        "https://client.example\\@evil.example/d",
        "https://client.example/ d", "https:///d", "https:client.example/d", "not a url", "", "https://ｃlient.example/d",
    ])
    func `a URL with tricks is refused before any lookup (SSRF-1)`(_ url: String) async throws {
        let resolver = ScriptedResolver([["8.8.8.8"]])
        let fetcher = GuardedFetcher(client: HTTPClient(), resolver: resolver, sleeper: NoSleeper())
        await #expect { try await fetcher.fetch(url) } throws: { ($0 as? GuardError)?.isBlocked == true }
        #expect(resolver.hosts.isEmpty)
    }

    @Test(arguments: [
        ["10.0.0.1"], ["::1"], ["169.254.169.254"], ["8.8.8.8", "10.0.0.1"], ["10.0.0.1", "8.8.8.8"],
        ["2606:4700::1111", "fd00::1"], ["8.8.8.8", "1.1.1.1", "::ffff:127.0.0.1"],
    ])
    func `one forbidden address among all condemns the host (SSRF-2)`(_ addresses: [String]) async throws {
        let fetcher = GuardedFetcher(client: HTTPClient(), resolver: ScriptedResolver([addresses]), sleeper: NoSleeper())
        await #expect(throws: GuardError("host has a forbidden address", isBlocked: true)) {
            try await fetcher.fetch("https://client.example/d")
        }
    }

    @Test func `nothing is fetched from our own name or addresses, public as they may be (SSRF-3)`() async throws {
        var rules = GuardedFetcher.Rules()
        rules.ownHost = "gate.example"
        rules.ownNetworks = [try #require(Network("8.8.4.0/24"))]
        rules.interfaces = { [IPAddress("9.9.9.9")!] }
        for (host, address) in [("gate.example", "1.1.1.1"), ("a.example", "8.8.4.4"), ("b.example", "9.9.9.9")] {
            let fetcher = GuardedFetcher(
                client: HTTPClient(), resolver: ScriptedResolver([["1.0.0.1", address]]), sleeper: NoSleeper(), rules: rules)
            await #expect { try await fetcher.fetch("https://\(host)/d") } throws: { ($0 as? GuardError)?.isBlocked == true }
        }
        #expect(OwnAddresses.current().contains(IPAddress("127.0.0.1")!))
    }

    @Test func `a host that keeps failing is not asked any more (SSRF-5)`() async throws {
        let fixture = try GuardFixture { _ in .json(["error": "down"], status: .serviceUnavailable) }
        for _ in 1...5 { #expect(await fixture.refusal() == GuardError("answer is not 200")) }
        #expect(await fixture.refusal() == GuardError("host keeps failing"))
        #expect(fixture.resolver.hosts.count == 5)
        await fixture.stop()
    }

    @Test func `a name that changes its answer is judged again on every fetch (rebinding)`() async throws {
        let fixture = try GuardFixture(
            answers: [["127.0.0.1"], ["10.0.0.1"], ["127.0.0.1", "10.0.0.1"], ["127.0.0.1"]], Self.document)
        _ = try await fixture.fetcher.fetch(fixture.url())
        #expect(await fixture.refusal()?.isBlocked == true)
        #expect(await fixture.refusal()?.isBlocked == true)
        _ = try await fixture.fetcher.fetch(fixture.url())
        #expect(fixture.resolver.hosts.count == 4)
        await fixture.stop()
    }

    @Test func `an address that does not answer is followed by the next tested one`() async throws {
        let fixture = try GuardFixture(answers: [["127.0.0.9", "127.0.0.1"]], Self.document)
        _ = try await fixture.fetcher.fetch(fixture.url())
        await fixture.stop()
    }

    @Test func `a certificate for another name is refused`() async throws {
        let fixture = try GuardFixture(names: [.host("other.example"), .address(IPAddress("127.0.0.1")!)], Self.document)
        #expect(await fixture.refusal() == GuardError("TLS failed"))
        await fixture.stop()
    }

    @Test(arguments: [201, 204, 301, 302, 303, 307, 308, 401, 403, 404, 500])
    func `any status but 200 is refused, and no redirect is followed (CIMD-2)`(_ status: UInt16) async throws {
        let hits = Hits()
        let fixture = try GuardFixture { request in
            hits.add()
            guard request.path == "/document" else { return .json(["a": 1]) }
            return Response(Status(status), fields: [(.location, "/elsewhere"), (.contentType, "application/json")])
        }
        let refusal = await fixture.refusal()
        #expect(refusal?.reason == ((300..<400).contains(status) ? "answer is a redirect" : "answer is not 200"))
        #expect(refusal?.isBlocked == false)
        #expect(hits.count == 1)
        await fixture.stop()
    }

    @Test(arguments: ["text/html", "text/json", "application/json, text/html", "application/jsonp", "image/svg+json", ""])
    func `another media type is refused`(_ type: String) async throws {
        let fixture = try GuardFixture { _ in
            Response(.ok, fields: type.isEmpty ? [] : [(.contentType, type)], body: .bytes(Array("{}".utf8)))
        }
        #expect(await fixture.refusal()?.reason == "answer is not JSON")
        await fixture.stop()
    }

    @Test(arguments: ["application/json", "Application/JSON; charset=utf-8", "application/client-metadata+json"])
    func `a JSON media type is accepted`(_ type: String) async throws {
        let fixture = try GuardFixture { _ in Response(.ok, fields: [(.contentType, type)], body: .bytes(Array("{}".utf8))) }
        #expect(try await fixture.fetcher.fetch(fixture.url()).body == Array("{}".utf8))
        await fixture.stop()
    }

    @Test func `identity encoding is asked for and another is refused`() async throws {
        let fixture = try GuardFixture { request in
            let asked = request.fields[FieldName("accept-encoding")] == "identity"
            return asked ? .json([:]).with(FieldName("content-encoding"), "gzip") : .json([:])
        }
        #expect(await fixture.refusal()?.reason == "answer is encoded")
        await fixture.stop()
    }

    @Test func `5 KiB are accepted and one byte more is cut off (CIMD-2)`() async throws {
        let fixture = try GuardFixture { request in
            let count = request.path == "/document" ? 5120 : 5121
            return Response(.ok, fields: [(.contentType, "application/json")], body: .bytes([UInt8](repeating: 0x20, count: count)))
        }
        #expect(try await fixture.fetcher.fetch(fixture.url()).body.count == 5120)
        #expect(await fixture.refusal(fixture.url("/longer"))?.reason == "answer is too large")
        await fixture.stop()
    }

    @Test func `an answer without end is cut off while it streams`() async throws {
        let fixture = try GuardFixture { _ in
            Response(
                .ok, fields: [(.contentType, "application/json")],
                body: .stream { writer in
                    while (try? await writer.write([UInt8](repeating: 0x20, count: 1024))) != nil {}
                })
        }
        #expect(await fixture.refusal()?.reason == "answer is too large")
        await fixture.stop()
    }

    @Test func `a server that does not answer in time is left`() async throws {
        let gate = Gate()
        let fixture = try GuardFixture(adjust: { $0.timeout = .milliseconds(150) }) { _ in
            await gate.wait()
            return .json([:])
        }
        #expect(await fixture.refusal()?.reason == "timed out")
        gate.open()
        await fixture.stop()
    }

    @Test func `callers of one URL share one fetch, and one too many at once is refused`() async throws {
        let (gate, hits) = (Gate(), Hits())
        let fixture = try GuardFixture(adjust: { ($0.concurrency, $0.timeout) = (1, .seconds(60)) }) { _ in
            hits.add()
            await gate.wait()
            return .json([:])
        }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<10 { group.addTask { _ = try await fixture.fetcher.fetch(fixture.url()) } }
            while gate.waiters == 0 { await Task.yield() }
            #expect(await fixture.refusal(fixture.url("/other"))?.reason == "too many fetches")
            gate.open()
            try await group.waitForAll()
        }
        // Who came after the shared fetch had ended began another one.
        #expect((1...10).contains(hits.count))
        await fixture.stop()
    }

    @Test func `a refusal takes a whole number of time buckets (SSRF-5)`() async {
        let (sleeper, time) = (RecordingSleeper(), Hits())
        // Each look at the clock is 200 ms after the one before.
        let fetcher = GuardedFetcher(
            client: HTTPClient(), resolver: ScriptedResolver([]), sleeper: sleeper,
            clock: {
                time.add()
                return MonotonicTime(nanoseconds: Int64(time.count) * 200_000_000)
            })
        await #expect(throws: GuardError.self) { try await fetcher.fetch("http://client.example/d") }
        #expect(sleeper.durations == [.milliseconds(300)])
    }

    @Test func `a host is asked six times a minute, in bursts of three (CIMD-4)`() {
        let limiter = FetchLimiter()
        var admitted: [Int] = []
        for second in 0..<60 where limiter.admit("a.example", at: MonotonicTime(nanoseconds: 1_000_000_000 * Int64(second + 100))) {
            admitted.append(second)
        }
        #expect(admitted == [0, 1, 2, 10, 20, 30, 40, 50])
        #expect(limiter.admit("b.example", at: MonotonicTime(nanoseconds: 100_000_000_000)))
    }

    @Test func `hosts beyond the limiter's memory wait until others are idle`() {
        let limiter = FetchLimiter(capacity: 2)
        let now = MonotonicTime(nanoseconds: 1)
        #expect(limiter.admit("a", at: now) && limiter.admit("b", at: now))
        #expect(!limiter.admit("c", at: now))
        #expect(limiter.admit("c", at: now + .seconds(11)))
    }

    @Test func `the limit holds for fetches whatever their path`() async throws {
        // One more in a minute, so that a slow machine does not earn a fourth.
        let fixture = try GuardFixture(limiter: FetchLimiter(perMinute: 1, burst: 3), Self.document)
        for path in ["/1", "/2", "/3"] { _ = try await fixture.fetcher.fetch(fixture.url(path)) }
        #expect(await fixture.refusal(fixture.url("/4"))?.reason == "too many fetches from this host")
        await fixture.stop()
    }

    @Test(
        arguments: [
            ("max-age=600", 600), ("public, MAX-AGE=60", 60), ("no-store", 0), ("max-age=600, no-store", 0), ("no-cache", 0),
            ("max-age=\"120\"", 120), ("max-age=-1", 0), ("max-age=x", 0), ("max-age", 0),
            ("max-age=99999999999999999999", 31_536_000),
            ("private", nil), ("max-age=10, max-age=20", 10),
        ] as [(String, Int?)])
    func `the lifetime is what Cache-Control says (RFC 9111 §5.2.2)`(_ value: String, _ expected: Int?) async throws {
        let fixture = try GuardFixture { _ in .json([:]).with(.cacheControl, value) }
        #expect(try await fixture.fetcher.fetch(fixture.url()).maxAge == expected)
        await fixture.stop()
    }

    @Test func `the time already spent in a cache counts`() async throws {
        let fixture = try GuardFixture { _ in .json([:]).with(.cacheControl, "max-age=600").with(FieldName("age"), "590") }
        #expect(try await fixture.fetcher.fetch(fixture.url()).maxAge == 10)
        await fixture.stop()
    }
}

/// Does not wait.
struct NoSleeper: Sleeper {
    func sleep(for duration: Duration) async throws(CancellationError) {}
}

private final class Hits: Sendable {
    private let value = Mutex(0)
    var count: Int { value.withLock { $0 } }
    func add() { value.withLock { $0 += 1 } }
}

private final class RecordingSleeper: Sleeper {
    private let slept = Mutex<[Duration]>([])
    var durations: [Duration] { slept.withLock { $0 } }
    func sleep(for duration: Duration) async throws(CancellationError) { slept.withLock { $0.append(duration) } }
}
