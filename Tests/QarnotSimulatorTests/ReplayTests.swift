import HTTP
import Primitives
import QarnotSimulator
import Testing

/// Every recorded exchange, in the order of the session, compared in status and shape.
@Suite struct ReplayTests {
    @Test func `every recorded exchange is answered with the same status and the same shape`() async throws {
        let replayer = Replayer()
        let files = try Replayer.files()
        #expect(files.count == 89)
        for file in files {
            let recording = try Recording.load(String(file.prefix(3)))
            try await prepare(String(file.prefix(3)), replayer)
            let reply = try await settled(recording, replayer)
            replayer.learn(from: recording, reply)
            let expected = recording.json["response"]?["status"]?.int
            #expect(Int(reply.status) == expected, "\(file): \(reply.text.prefix(200))")
            #expect(Self.differences(reply, recording) == [], "\(file)")
        }
    }

    /// What the session had done before, of which only one call of a kind was kept.
    private func prepare(_ number: String, _ replayer: Replayer) async throws {
        let fixture = replayer.fixture
        func task(_ recorded: String, _ more: (String, JSONValue)...) async {
            replayer.replace(recorded, with: await fixture.submit(more))
        }
        func long() -> (String, JSONValue) { ("constants", [["key": "SIM_DURATION_MS", "value": "600000"]]) }
        switch number {
        case "029": await task("second", ("tags", ["demo-1a2b3c4d"]))
        case "031": await task("8deedec2-26d3-4f98-98d8-9e764eab08fa")
        case "033":
            await task("dc5f0125-796e-4fc1-824d-aac89adf66c2", long())
            fixture.clock.advance(.seconds(1))
        case "042":
            await task(
                "dac21d7d-0f51-4c01-97c6-9057e314c1e9", ("constants", [["key": "SIM_OUTCOME", "value": "failure"]]),
                ("instanceCount", 2), ("tags", ["x"]), ("resultBucket", "demo-1a2b3c4d-out"), ("labels", ["flow": "x"]))
        case "046", "049": fixture.clock.advance(.seconds(1))
        case "062":
            let recorded = try Recording.load("062").json["request"]?["body"]?["dependencies"]?["dependsOn"]?.array?.first?.string
            let group = try Recording.load("061").json["request"]?["body"]?["jobUuid"]?.string ?? ""
            let tasks = await fixture.rest(.get, "/jobs/\(replayer.names[group] ?? "")/tasks").json.array
            replayer.replace(recorded ?? "", with: tasks?.first?["uuid"]?.string ?? "")
        case "071": await task("903162db-1497-483e-8523-cdc0e6c7ebd8")
        case "080": _ = await replayer.storage(.put, "/demo-1a2b3c4d-big")
        case "081":
            let id = replayer.names["5b4a9e4c729042a8bc9c6b4455b65af7"] ?? ""
            let part = await replayer.storage(
                .put, "/demo-1a2b3c4d-big/big.bin?uploadId=\(id)&partNumber=1", [UInt8](repeating: 7, count: 8 << 20))
            replayer.replace("e8b5e5cc158cccee6baff2de4f471fb0", with: part.fields[.etag].map { $0.filter { $0 != "\"" } } ?? "")
        case "086": _ = await replayer.storage(.delete, "/demo-1a2b3c4d-big/copy/big.bin")
        case "087": _ = await replayer.storage(.put, "/demo-1a2b3c4d-big/one", [1])
        case "088": _ = await replayer.storage(.delete, "/demo-1a2b3c4d-big/one")
        default: break
        }
    }

    /// Polls of a state are repeated, while time passes, until that state is there.
    private func settled(_ recording: Recording, _ replayer: Replayer) async throws -> Reply {
        let wanted = recording.responseBody["state"]
        var reply = await replayer.send(recording)
        var polls = 0
        while let wanted, reply.json["state"] != wanted, polls < 200 {
            replayer.fixture.clock.advance(.milliseconds(50))
            reply = await replayer.send(recording)
            polls += 1
        }
        return reply
    }

    private static func differences(_ reply: Reply, _ recording: Recording) -> [String] {
        let headers = recording.json["response"]?["headers"]?.object?.keys ?? []
        var out = headers.filter { name in name != "Content-Length" && !reply.fields.lines.contains { $0.name == name.lowercased() }
        }.map { "header \($0) is missing" }
        switch recording.responseBody {
        case .string(let text) where text.hasPrefix("<?xml"):
            out += elements(text).subtracting(elements(reply.text)).map { "<\($0)> is missing" }
        case .string(let text): if text.isEmpty != reply.text.isEmpty { out.append("the text is empty on one side") }
        case .object(let object) where object["base64Prefix"] != nil:
            if reply.body.count != object["length"]?.int { out.append("\(reply.body.count) bytes") }
        case .null: if !reply.body.isEmpty, recording.json["request"]?["method"]?.string != "HEAD" { out.append("there is a body") }
        default: out += RecordingTests.differences(reply.json, recording.responseBody, "")
        }
        return out
    }

    private static func elements(_ xml: String) -> Set<String> {
        Set(xml.matches(of: /<([A-Za-z]+)[ >]/).map { String($0.1) })
    }
}
