import HTTP
import MCP
import Primitives
import Testing

@Suite struct CursorTests {
    private static let tools = (1...5).map { number in Tool.make("t\(number)") { _, _ in .structured([:]) } } + [.adminOnly]

    private func fixture() throws -> MemoryFixture { try MemoryFixture(Self.tools) { $0.pageSize = 2 } }

    @Test func `pages follow each other without a gap, and the last has no cursor (mcp.md §5)`() async throws {
        let fixture = try fixture()
        var (names, cursor): ([String], JSONValue?) = ([], nil)
        repeat {
            let params: JSONValue = cursor.map { ["cursor": $0] } ?? [:]
            let result = try #require(await fixture.modern("tools/list", params, as: .make("u")).json["result"])
            let page = try #require(result["tools"]?.array)
            #expect(page.count <= 2 && page.allSatisfy { $0["name"] != nil } && result["cacheScope"] == "private")
            names += page.compactMap { $0["name"]?.string }
            cursor = result["nextCursor"]
        } while cursor != nil
        #expect(names == ["t1", "t2", "t3", "t4", "t5"])
    }

    @Test func `a cursor of another user or another list is -32602, as an invented one is`() async throws {
        let fixture = try MemoryFixture(Self.tools) { features in
            features.pageSize = 2
            features.prompts = (1...3).map { number in
                Prompt(name: "p\(number)", title: "", description: "") { _, _ in .messages([]) }
            }
        }
        let cursor = try #require(await fixture.modern("tools/list", as: .make("u")).json["result"]?["nextCursor"])
        let refused = [
            await fixture.modern("tools/list", ["cursor": cursor], as: .make("v")),
            await fixture.modern("prompts/list", ["cursor": cursor], as: .make("u")),
            await fixture.modern("tools/list", ["cursor": "x"], as: .make("u")),
        ]
        #expect(refused.allSatisfy { $0.code == -32602 && $0.json == refused[0].json })
        let session = await fixture.initialize(as: .make("u"))
        let legacy = await fixture.legacy("tools/list", ["cursor": cursor], session: session, as: .make("u"))
        #expect(legacy.json["result"]?["tools"]?.array?.first?["name"] == "t3")
    }
}
