import HTTP
import Primitives
import QarnotSimulator
import Testing

@Suite struct RecordingTests {
    private static let creation: JSONValue = [
        "name": "ok", "profile": "docker-batch", "instanceCount": 2, "resultBucket": "demo-out", "tags": ["x"],
        "labels": ["flow": "x"],
        "constants": [["key": "DOCKER_CMD", "value": "true"]],
    ]

    @Test(arguments: [("017", 0), ("018", 150), ("019", 500), ("020", 1250), ("021", 2000)])
    func `a task has every member of the recorded one, of the same kind`(_ name: String, _ milliseconds: Int) async throws {
        let recording = try Recording.load(name)
        let fixture = SimulatorFixture()
        let uuid = await fixture.rest(.post, "/tasks", Self.creation).json["uuid"]?.string ?? ""
        fixture.clock.advance(.milliseconds(milliseconds))
        let task = await fixture.rest(.get, "/tasks/\(uuid)").json
        #expect(task["state"] == recording.responseBody["state"])
        #expect(Self.differences(task, recording.responseBody, "") == [])
    }

    @Test(arguments: [
        ("003", "/info"), ("004", "/profiles"), ("005", "/profiles/docker-batch"), ("067", "/credits/v1/accounts/credits"),
        ("068", "/quotas/computing-quotas/user"), ("069", "/hardware-constraints?limit=50&offset=0"),
    ])
    func `what is read has the recorded members`(_ name: String, _ path: String) async throws {
        let reply = await SimulatorFixture().rest(.get, path)
        #expect(Self.differences(reply.json, try Recording.load(name).responseBody, "") == [])
    }

    @Test func `pools, jobs and summaries have the recorded members`() async throws {
        let fixture = SimulatorFixture()
        let pool =
            await fixture.rest(.post, "/pools", ["name": "p", "profile": "docker-batch", "instanceCount": 2]).json["uuid"]?.string
            ?? ""
        let job = await fixture.rest(.post, "/jobs/", ["name": "j"]).json["uuid"]?.string ?? ""
        _ = await fixture.rest(.post, "/tasks", Self.creation)
        #expect(Self.differences(await fixture.rest(.get, "/pools/\(pool)").json, try Recording.load("052").responseBody, "") == [])
        #expect(Self.differences(await fixture.rest(.get, "/jobs/\(job)").json, try Recording.load("060").responseBody, "") == [])
        let page = await fixture.rest(.post, "/tasks/summaries/paginate", ["filter": nil, "token": nil, "maximumResults": nil])
        #expect(Self.differences(page.json, try Recording.load("032").responseBody, "") == [])
    }

    /// Members the other has and this one lacks or has of another kind; null matches anything.
    static func differences(_ ours: JSONValue, _ theirs: JSONValue, _ path: String) -> [String] {
        switch (ours, theirs) {
        case (.null, _), (_, .null), (.bool, .bool), (.number, .number), (.string, .string): return []
        case (.array(let ours), .array(let theirs)):
            guard let first = ours.first, let other = theirs.first else { return [] }
            return differences(first, other, path + "[]")
        case (.object(let ours), .object(let theirs)):
            return theirs.members.flatMap { member -> [String] in
                let place = "\(path).\(member.key)"
                guard let mine = ours[member.key] else { return ["\(place) is missing"] }
                return differences(mine, member.value, place)
            }
        default: return ["\(path) is of another kind"]
        }
    }
}
