import HTTP
import MCP
import Primitives
import Synchronization
import Testing

@Suite struct ConfirmingTests {
    private final class Counter: Sendable {
        private let count = Mutex(0)
        var value: Int { count.withLock { $0 } }
        func add() { count.withLock { $0 += 1 } }
    }

    private let runs = Counter()
    private static let alice = Principal.make("alice")

    private func fixture() throws -> MemoryFixture {
        try MemoryFixture([
            Tool.make("delete") { [runs] _, _ in
                runs.add()
                return .structured(["gone": true])
            }.confirming
        ])
    }

    private func call(
        _ fixture: MemoryFixture, _ answer: JSONValue? = nil, state: JSONValue? = nil, arguments: JSONValue = ["id": 1],
        as caller: Principal = alice, capabilities: JSONValue = ["elicitation": [:]]
    ) async -> Response {
        var params = JSONObject()
        params.append("name", "delete")
        params.append("arguments", arguments)
        if let answer { params.append("inputResponses", ["confirmation": answer]) }
        if let state { params.append("requestState", state) }
        return await fixture.modern("tools/call", .object(params), as: caller, capabilities: capabilities)
    }

    private static let yes: JSONValue = ["action": "accept", "content": ["confirm": true]]

    @Test func `nothing runs before a yes, and the question shows the arguments`() async throws {
        let fixture = try fixture()
        let asked = try #require(await call(fixture).json["result"])
        #expect(asked["resultType"] == "input_required" && runs.value == 0)
        let message = asked["inputRequests"]?["confirmation"]?["params"]?["message"]?.string
        #expect(message?.contains("DELETE?") == true && message?.contains(#"{"id":1}"#) == true)
        let done = await call(fixture, Self.yes, state: asked["requestState"])
        #expect(done.json["result"]?["structuredContent"] == ["gone": true] && runs.value == 1)
        #expect(fixture.gate.outcomes == [.awaitingInput, .completed])
    }

    @Test func `one yes is for one call, these arguments and this caller`() async throws {
        let fixture = try fixture()
        let state = await call(fixture).json["result"]?["requestState"]
        #expect(await call(fixture, Self.yes, state: state, arguments: ["id": 2]).code == -32602)
        #expect(await call(fixture, Self.yes, state: state, as: .make("bob")).code == -32602)
        #expect(await call(fixture, Self.yes, state: state).json["result"]?["isError"] == nil)
        #expect(await call(fixture, Self.yes, state: state).code == -32602)
        #expect(await call(fixture, Self.yes).json["result"]?["resultType"] == "input_required")
        #expect(runs.value == 1)
    }

    @Test func `a state of an earlier process is not honoured: nobody knows whether it was used`() async throws {
        let state = try await call(fixture()).json["result"]?["requestState"]
        let later = try MemoryFixture(
            [
                Tool.make("delete") { [runs] _, _ in
                    runs.add(); return .structured([:])
                }.confirming
            ], instance: "two")
        #expect(await call(later, Self.yes, state: state).code == -32602 && runs.value == 0)
    }

    @Test(
        arguments: [
            ["action": "decline"], ["action": "cancel"], ["action": "accept", "content": ["confirm": false]],
        ] as [JSONValue])
    func `anything but a yes does nothing`(_ answer: JSONValue) async throws {
        let fixture = try fixture()
        let state = await call(fixture).json["result"]?["requestState"]
        #expect(await call(fixture, answer, state: state).json["result"]?["isError"] == true && runs.value == 0)
    }

    @Test(arguments: [["action": "accept", "content": ["confirm": "true"]], ["action": "accept"], 7] as [JSONValue])
    func `an answer of a wrong kind is asked for again`(_ answer: JSONValue) async throws {
        let fixture = try fixture()
        let state = await call(fixture).json["result"]?["requestState"]
        #expect(await call(fixture, answer, state: state).json["result"]?["resultType"] == "input_required" && runs.value == 0)
    }

    @Test(arguments: [[:], ["elicitation": ["url": [:]]], ["sampling": [:]]] as [JSONValue])
    func `a client that cannot ask is told how to proceed`(_ capabilities: JSONValue) async throws {
        let result = try await call(fixture(), capabilities: capabilities).json["result"]
        #expect(result?["isError"] == true && runs.value == 0)
        #expect(result?["content"]?.array?.first?["text"]?.string?.contains("elicitation") == true)
    }
}
