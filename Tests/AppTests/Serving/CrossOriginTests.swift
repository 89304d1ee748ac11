import HTTP
import Testing

@testable import App

@Suite struct CrossOriginTests {
    private let origins = CrossOrigin(origin: "https://gate.example.com", allowed: ["https://claude.ai"])

    @Test(arguments: ["https://gate.example.com", "https://claude.ai"])
    func `our own and configured origins may call (RS-1)`(_ origin: String) {
        #expect(origins.permits(.get("/mcp", [(.origin, origin)])))
    }

    @Test func `a client that is no browser sends none`() { #expect(origins.permits(.get("/mcp"))) }

    @Test(arguments: [
        "null", "https://claude.ai.evil.com", "http://claude.ai", "https://claude.ai:444", "https://CLAUDE.ai",
        "https://claude.ai/", "",
        "https://evil.com",
    ])
    func `scheme, host and port are compared exactly, and null is nobody (mcp.md §6)`(_ origin: String) {
        #expect(!origins.permits(.get("/mcp", [(.origin, origin)])))
    }

    @Test func `two origins are none`() {
        #expect(!origins.permits(.get("/mcp", [(.origin, "https://claude.ai"), (.origin, "https://claude.ai")])))
    }

    @Test func `a preflight lists names one by one, without credentials (COM-8)`() {
        let fields = origins.preflight(.make(.options, "/mcp")).fields
        let names = fields.single(FieldName("access-control-allow-headers")) ?? ""
        for name in ["Authorization", "Content-Type", "MCP-Protocol-Version", "Mcp-Session-Id", "Mcp-Method", "Mcp-Name", "DPoP"] {
            #expect(names.contains(name))
        }
        #expect(!names.contains("*"))
        #expect(fields.single(FieldName("access-control-max-age")) == "600")
        #expect(!fields.contains(FieldName("access-control-allow-credentials")))
    }

    @Test func `requested Mcp-Param names are echoed, anything else is not`() {
        let asked = "authorization, mcp-param-region, Mcp-Param-X, x-evil, mcp-param-a b, mcp-param-\u{E9}"
        let request = Request.make(.options, "/mcp", [(FieldName("access-control-request-headers"), asked)])
        let names = origins.preflight(request).fields.single(FieldName("access-control-allow-headers")) ?? ""
        #expect(names.hasSuffix(", mcp-param-region, Mcp-Param-X"))
    }

    @Test func `an answer says what the calling page may read, and nothing to others`() {
        var response = Response(.ok)
        origins.decorate(&response, for: .get("/mcp"))
        #expect(response.fields.count == 0)
        origins.decorate(&response, for: .get("/mcp", [(.origin, "https://claude.ai")]))
        #expect(response.fields.single(FieldName("access-control-allow-origin")) == "*")
        let exposed = response.fields.single(FieldName("access-control-expose-headers")) ?? ""
        for name in ["WWW-Authenticate", "Retry-After", "RateLimit", "RateLimit-Policy", "X-Request-Id"] {
            #expect(exposed.contains(name))
        }
    }
}
