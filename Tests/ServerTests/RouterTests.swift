import HTTP
import Primitives
import Server
import Testing

@Suite struct RouterTests {
    private func route(_ method: Method, _ path: String) async -> Response {
        func answer(_ text: String) -> Answer { Answer(limit: text.utf8.count) { _, _ in .text(text) } }
        var router = Router()
        router.on(.get, "/", answer("root"))
        router.on(.post, "/mcp", answer("mcp"))
        router.on([.get, .delete], "/mcp", answer("sessions"))
        router.on(.get, prefix: "/assets/", answer("assets"))
        router.on(.get, prefix: "/assets/deep/", answer("deep"))
        router.on(.get, "/assets/exact", answer("exact"))
        let context = RequestContext(
            requestID: RequestID("r"), peer: IPAddress("127.0.0.1")!, isSecure: true, loopIndex: 0, received: .now())
        return await router.respond(to: Request(method: method, path: path, query: "/other"), in: context)
    }

    @Test(arguments: [
        (Method.get, "/", "root"), (.head, "/", "root"), (.post, "/mcp", "mcp"), (.delete, "/mcp", "sessions"),
        (.get, "/assets/x.css", "assets"), (.get, "/assets/deep/x", "deep"), (.get, "/assets/exact", "exact"),
    ])
    func `the closest route answers`(_ method: Method, _ path: String, _ text: String) async {
        guard case .bytes(let body) = await route(method, path).body else { return #expect(Bool(false)) }
        #expect(String(decoding: body, as: UTF8.self) == text)
    }

    @Test(arguments: ["/mcp/", "/MCP", "/%6dcp", "/assets", "/nowhere"])
    func `any other spelling of a path is not found`(_ path: String) async {
        #expect(await route(.get, path).status == .notFound)
    }

    @Test func `a known path with another method names the allowed ones`() async {
        let response = await route(.put, "/mcp")
        #expect(response.status == .methodNotAllowed)
        #expect(response.fields[.allow] == "GET, HEAD, POST, DELETE")
    }
}
