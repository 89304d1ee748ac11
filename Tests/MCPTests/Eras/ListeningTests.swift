import HTTP
import Primitives
import Testing

@testable import MCP

@Suite struct ListeningTests {
    private static let key = "io.modelcontextprotocol/subscriptionId"
    private static let wanted: [(String, JSONValue)] = [("notifications", ["toolsListChanged": true])]

    /// Waits until what the server wrote fulfils the condition.
    private func wait(for sink: Sink, until condition: ([JSONValue]) -> Bool) async {
        while !condition(sink.messages) { await Task.yield() }
    }

    /// What a new stream writes with.
    private func open(_ fixture: EndpointFixture, id: JSONValue = 1) async throws -> BodyProducer {
        let answer = await fixture.modern("subscriptions/listen", Self.wanted, id: id)
        return try #require(answer.producer)
    }

    @Test(arguments: [7, "seven"] as [JSONValue])
    func `the first frame acknowledges, with the id of the request and what is truly served (mcp.md §3.8)`(_ id: JSONValue)
        async throws
    {
        let fixture = try EndpointFixture()
        let answer = await fixture.modern("subscriptions/listen", Self.wanted, id: id, accept: nil)
        #expect(answer.status == .ok && answer.fields[.contentType] == "text/event-stream")
        #expect(answer.fields[FieldName("x-accel-buffering")] == "no" && answer.fields[.cacheControl] == "no-store, no-transform")
        let (produce, sink) = (try #require(answer.producer), Sink())
        async let produced: Void = produce(sink)
        await wait(for: sink) { !$0.isEmpty }
        let first = try #require(sink.messages.first)
        #expect(first["method"] == "notifications/subscriptions/acknowledged" && first["id"] == nil)
        #expect(first["params"]?["notifications"] == [:] && first["params"]?["_meta"]?[Self.key] == id)
        fixture.streams.closeQuietStreams()
        await produced
    }

    @Test func `the capabilities promise no change that no stream would bring (mcp.md §3.5)`() async throws {
        let fixture = try EndpointFixture()
        #expect(await fixture.modern("server/discover").json["result"]?["capabilities"] == ["tools": [:]])
    }

    @Test(arguments: [[], [("notifications", 1)], [("notifications", [])]] as [[(String, JSONValue)]])
    func `without an object of notifications it is -32602 and opens nothing`(_ params: [(String, JSONValue)]) async throws {
        let fixture = try EndpointFixture()
        let answer = await fixture.modern("subscriptions/listen", params, id: "x")
        #expect(answer.status == .ok && answer.code == -32602 && answer.json["id"] == "x")
        #expect(fixture.gate.openStreams == 0)
    }

    @Test func `task ids need the tasks extension (mcp.md §3.8)`() async throws {
        let fixture = try EndpointFixture()
        let params: [(String, JSONValue)] = [("notifications", ["taskIds": ["t"]])]
        let answer = await fixture.modern("subscriptions/listen", params)
        #expect(answer.status == .badRequest && answer.code == -32021)
        #expect(
            answer.json["error"]?["data"]?["requiredCapabilities"] == ["extensions": ["io.modelcontextprotocol/tasks": [:]]])
    }

    @Test func `a refusal of the gate opens no stream`() async throws {
        let fixture = try EndpointFixture()
        fixture.gate.refuse(
            with: Refusal(status: .tooManyRequests, fields: [(.retryAfter, "60")], error: RPCError(.refused, "Too many.")))
        let answer = await fixture.modern("subscriptions/listen", Self.wanted)
        #expect(answer.status == .tooManyRequests && answer.code == 4290 && answer.producer == nil)
    }

    @Test func `a quiet stream is kept alive, and ends in words when the credential ends (RS-12)`() async throws {
        let fixture = try EndpointFixture()
        let produce = try await open(fixture, id: 9)
        let sink = Sink()
        async let produced: Void = produce(sink)
        await wait(for: sink) { !$0.isEmpty }
        for _ in 0..<15 { await fixture.sleeper.pass(.seconds(1)) }
        while sink.pieces.count < 2 { await Task.yield() }
        #expect(sink.pieces.last == ":\n\n")
        fixture.gate.withdrawCredential()
        for _ in 0..<15 { await fixture.sleeper.pass(.seconds(1)) }
        await produced
        let last = sink.messages.suffix(2)
        #expect(last.first?["method"] == "notifications/cancelled" && last.first?["params"]?["requestId"] == 9)
        #expect(last.first?["params"]?["_meta"]?[Self.key] == 9)
        let result = try #require(last.last?["result"])
        #expect(last.last?["id"] == 9 && result["resultType"] == "complete" && result["_meta"]?[Self.key] == 9)
        #expect(fixture.streams.openCount == 0)
    }

    @Test func `a drain ends open streams in words, and later ones at once (mcp.md §3.8)`() async throws {
        let fixture = try EndpointFixture()
        let (early, late) = (Sink(), Sink())
        let produce = try await open(fixture)
        async let produced: Void = produce(early)
        await wait(for: early) { !$0.isEmpty }
        fixture.streams.closeQuietStreams()
        await produced
        let produceLate = try await open(fixture)
        await produceLate(late)
        for sink in [early, late] {
            #expect(
                sink.messages.map { $0["method"]?.string } == [
                    "notifications/subscriptions/acknowledged", "notifications/cancelled", nil,
                ])
        }
    }

    @Test func `a place is given back when the stream ends, and when it never came to be`() async throws {
        let fixture = try EndpointFixture()
        do {
            let answer = await fixture.modern("subscriptions/listen", Self.wanted)
            #expect(answer.producer != nil && fixture.gate.openStreams == 1)
        }  // dropped unsent
        #expect(fixture.gate.openStreams == 0)
        do {
            let sink = Sink()
            sink.disconnect()
            let produce = try await open(fixture)
            await produce(sink)
        }
        #expect(fixture.gate.openStreams == 0 && fixture.streams.openCount == 0)
    }

    @Test func `a client that goes away ends its stream without another word`() async throws {
        let fixture = try EndpointFixture()
        let produce = try await open(fixture)
        let sink = Sink()
        let serving = Task { await produce(sink) }
        await wait(for: sink) { !$0.isEmpty }
        serving.cancel()
        await serving.value
        #expect(sink.pieces.count == 1)
    }

    @Test func `streams opened together are not all kept alive at the same moment`() async throws {
        let fixture = try EndpointFixture()
        let sinks = (0..<30).map { _ in Sink() }
        await withTaskGroup { group in
            for sink in sinks {
                guard let produce = await fixture.modern("subscriptions/listen", Self.wanted).producer else { return }
                group.addTask { await produce(sink) }
            }
            for sink in sinks { await wait(for: sink) { !$0.isEmpty } }
            await fixture.sleeper.pass(.seconds(1))
            while sinks.reduce(0, { $0 + $1.pieces.count }) < 32 { await Task.yield() }
            #expect(sinks.filter { $0.pieces.count > 1 }.count == 2)
            fixture.streams.closeQuietStreams()
        }
    }
}
