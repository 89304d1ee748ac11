import HTTP
import Primitives
import Testing

@testable import MCP

@Suite struct HeaderMirrorTests {
    private func call(_ fields: Fields) async throws -> Response {
        try await EndpointFixture().post(EndpointFixture.body("tools/call", [("name", "echo"), ("arguments", [:])]), fields)
    }

    private static let complete = EndpointFixture.headers("tools/call", name: "echo")

    private static func with(_ name: FieldName, _ value: String?) -> Fields {
        var fields = complete
        fields.remove(name)
        if let value { fields.append(name, value) }
        return fields
    }

    private static func doubled(_ name: FieldName) -> Fields {
        var fields = complete
        fields.append(name, fields[name] ?? "")
        return fields
    }

    @Test func `headers that say what the body says pass`() async throws {
        #expect(try await call(Self.complete).json["result"] != nil)
    }

    @Test(arguments: [
        ("version missing", with(.mcpProtocolVersion, nil)), ("method missing", with(.mcpMethod, nil)),
        ("name missing", with(.mcpName, nil)),
        ("version doubled", doubled(.mcpProtocolVersion)), ("method doubled", doubled(.mcpMethod)),
        ("name doubled", doubled(.mcpName)),
        ("version differs", with(.mcpProtocolVersion, "2026-07-29")), ("method differs", with(.mcpMethod, "tools/list")),
        ("method case", with(.mcpMethod, "Tools/Call")), ("name differs", with(.mcpName, "failing")),
        ("name case", with(.mcpName, "Echo")),
        ("name empty", with(.mcpName, "")), ("version is legacy", with(.mcpProtocolVersion, "2025-11-25")),
    ])
    func `a header that is missing, doubled or different is refused (mcp.md §3.2)`(_ what: String, _ fields: Fields) async throws {
        let answer = try await call(fields)
        #expect(answer.status == .badRequest && answer.code == -32020, "\(what)")
        // Where the header itself is doubled, two readers may see two requests: only then is there no id to trust.
        if what != "version doubled" { #expect(answer.json["id"] == 1) }
    }

    @Test(arguments: ["  echo", "echo  ", "\t echo \t", "=?base64?ZWNobw==?="])
    func `white space around a name and strict Base64 are read (RFC 9110 §5.5)`(_ value: String) async throws {
        #expect(try await call(Self.with(.mcpName, value)).json["result"] != nil)
    }

    @Test(arguments: [
        "=?base64?ZWNobw?=", "=?base64?ZWNobw=?=", "=?base64?ZW!!Nobw==?=", "=?base64?ZWNobw==", "?base64?ZWNobw==?=",
        "=?BASE64?ZWNobw==?=",
        "=?base64?ZWNobx==?=", "=?base64?/w==?=", "=?base64??=", "=?base64?ZWNo bw==?=",
    ])
    func `Base64 that is not strict, or stands for another name, is refused`(_ value: String) async throws {
        #expect(try await call(Self.with(.mcpName, value)).code == -32020)
    }

    @Test(
        arguments: [
            ("=?base64?SGVsbG8=?=", "Hello"), ("=?base64?SGVsbG8?=", nil), ("=?base64?", "=?base64?"), ("plain", "plain"),
            ("=?base64?=", "=?base64?="),
        ] as [(String, String?)])
    func `a value is encoded only between prefix and suffix`(_ value: String, _ decoded: String?) {
        #expect(HeaderMirror.decode(value) == decoded)
    }

    @Test func `only methods with a name need its header`() async throws {
        #expect(try await EndpointFixture().modern("tools/list").json["result"] != nil)
    }
}
