import HTTP
import Primitives

/// The smallest MCP server of 2026-07-28: one tool that answers 330 bytes, and one that says something before it answers.
/// What stands behind the gateway and behind nginx when the two are compared.
struct ToolUpstream: Responder {
    private static let filler = String(repeating: "x", count: 250)

    func bodyLimit(for request: Request) -> Int { 1 << 20 }

    func respond(to request: Request, in context: RequestContext) async -> Response {
        guard let root = try? JSONDocument(parsing: request.body).root, let id = root["id"] else { return Response(.accepted) }
        if root["method"]?.equals("server/discover") == true {
            return Self.answer(
                id,
                "{\"resultType\":\"complete\",\"supportedVersions\":[\"2026-07-28\"],\"capabilities\":{\"tools\":{}},\"ttlMs\":0,\"cacheScope\":\"private\"}"
            )
        }
        if root["method"]?.equals("tools/list") == true {
            let tools = ["answer", "stream"].map { "{\"name\":\"\($0)\",\"inputSchema\":{\"type\":\"object\"}}" }.joined(
                separator: ",")
            return Self.answer(id, "{\"resultType\":\"complete\",\"tools\":[\(tools)],\"ttlMs\":0,\"cacheScope\":\"private\"}")
        }
        let result = "{\"resultType\":\"complete\",\"content\":[{\"type\":\"text\",\"text\":\"\(Self.filler)\"}]}"
        guard root["params"]?["name"]?.equals("stream") == true else { return Self.answer(id, result) }
        let last = Self.message(id, result)
        return Response(
            .ok, fields: EventStream.fields,
            body: .stream { writer in
                let note =
                    "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\",\"params\":{\"progressToken\":1,\"progress\":1}}"
                try? await writer.write(EventStream.message(Array(note.utf8)))
                try? await writer.write(EventStream.message(last))
            })
    }

    private static func answer(_ id: JSONView, _ result: String) -> Response {
        Response(.ok, fields: [(.contentType, "application/json")], body: .bytes(message(id, result)))
    }

    private static func message(_ id: JSONView, _ result: String) -> [UInt8] {
        Array("{\"jsonrpc\":\"2.0\",\"id\":".utf8) + id.rawBytes + Array(",\"result\":\(result)}".utf8)
    }
}
