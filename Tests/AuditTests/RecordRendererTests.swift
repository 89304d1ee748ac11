import Crypto
import Primitives
import Testing

@testable import Audit

@Suite struct RecordRendererTests {
    static func line(_ record: AuditRecord) -> [UInt8] {
        var renderer = RecordRenderer(after: .empty, node: "n1")
        var out = ByteWriter()
        renderer.append(record, to: &out)
        return out.bytes
    }

    static func member(_ key: String, of record: AuditRecord) throws -> JSONValue? {
        try JSONValue(parsing: line(record))[key]
    }

    static var full: AuditRecord {
        var event = Event(
            "mcp.tool.called", .failure, severity: .warning, reason: "upstream", actor: "cli", subject: "zoë \"z\" \\",
            client: ClientID("https://client.example/meta"), grant: GrantID("g1"), tokenReference: "0a1b2c3d",
            resource: "https://gw.example/mcp?code=abc", scopes: "qarnot:read qarnot:execute",
            details: [
                ("zone", "fr"), ("cost", .double(0.25)), ("Hash", "x"), ("amr", .array(["pwd", "otp"])), ("big", .int(12)),
                ("no", .null), ("nested", .object(JSONObject([("b", 1), ("é", "\u{7}2"), ("a", true)]))), ("tool", "fake"),
            ])
        event.tool = "create_task"
        event.engine = "qarnot"
        event.argumentDigest = "ab:12"
        event.policy = "scope"
        event.upstreamHost = "api.qarnot.example"
        event.upstreamStatus = 503
        event.milliseconds = 12
        return AuditRecord(
            event,
            in: AuditContext(
                requestID: RequestID("r"), source: IPAddress("2001:db8::1"), userAgent: "curl/8 (x)", method: "POST",
                route: "/mcp?state=1", status: 200), at: Timestamp(milliseconds: 1_795_258_800_125))
    }

    @Test(arguments: [full, .sample("test.a"), .sample("test.é", subject: nil), .sample("a\u{1F600}\u{0}b\"\\\n")])
    func `the line without its hash is canonical JSON (RFC 8785)`(_ record: AuditRecord) throws {
        let line = Self.line(record)
        let parsed = try JSONValue(parsing: Array(line.dropLast()))
        let members = try #require(parsed.object?.members)
        #expect(members.last?.key == "hash")
        let bare = JSONValue.object(JSONObject(members.dropLast().map { ($0.key, $0.value) }))
        #expect(bare.canonical == line.dropLast(1 + 75) + [UInt8(ascii: "}")])
    }

    @Test func `hashes are those an independent implementation computes (AUD-4)`() throws {
        var renderer = RecordRenderer(after: .empty, node: "n1")
        var out = ByteWriter()
        renderer.append(.sample("test.a"), to: &out)
        #expect(renderer.head.description == "230bf191d92aca977957183d8c023ab542f4c5af6ad65472757e15e2e67313c0")
        renderer.append(.sample("test.b"), to: &out)
        #expect(renderer.head.description == "8be2f255bc4eaf2781e8e880f5d35e5ab86082adac4b3b7917b7a1a1628c87f9")
        #expect(renderer.head.count == 2)
    }

    @Test func `the hash covers label, previous hash, length and canonical record`() throws {
        let line = try JSONValue(parsing: Array(Self.line(Self.full).dropLast()))
        let members = try #require(line.object?.members.dropLast())
        let record = JSONValue.object(JSONObject(members.map { ($0.key, $0.value) })).canonical
        var message = Array("gatehouse.audit/1".utf8) + [UInt8](repeating: 0, count: 32)
        message += [0, 0, 0, 0, 0, 0, UInt8(record.count >> 8), UInt8(record.count & 255)] + record
        #expect(line["hash"]?.string == Hex.encode(SHA256.digest(message)))
        #expect(line["prev"]?.string == String(repeating: "0", count: 64))
    }

    @Test(arguments: [
        ("actor", "cli"), ("arg_digest", "ab:12"), ("client", "https://client.example/meta"), ("engine", "qarnot"),
        ("event", "mcp.tool.called"), ("grant_ref", "g1"), ("node", "n1"), ("outcome", "failure"), ("policy", "scope"),
        ("reason", "upstream"), ("request_id", "r"), ("resource", "https://gw.example/mcp"), ("severity", "warning"),
        ("scopes", "qarnot:read qarnot:execute"), ("src", "2001:db8::1"), ("subject", "zoë \"z\" \\"), ("token_ref", "0a1b2c3d"),
        ("tool", "create_task"), ("ts", "2026-11-21T11:00:00.125Z"), ("ua", "curl/8 (x)"), ("x_hash", "x"), ("x_tool", "fake"),
    ])
    func `a member is told as text (AUD-1)`(_ key: String, _ value: String) throws {
        #expect(try Self.member(key, of: Self.full)?.string == value)
    }

    @Test(arguments: [
        ("http", #"{"method":"POST","route":"/mcp","status":200}"#), ("upstream", #"{"host":"api.qarnot.example","status":503}"#),
        ("ms", "12"), ("seq", "1"), ("cost", "0.25"), ("nested", #"{"a":true,"b":1,"é":"2"}"#), ("amr", #"["pwd","otp"]"#),
    ])
    func `a member is told as a value (AUD-1)`(_ key: String, _ value: String) throws {
        #expect(try Self.member(key, of: Self.full)?.text == value)
    }

    @Test func `the subject acted when nobody else did`() throws {
        #expect(try Self.member("actor", of: .sample("a"))?.string == "alice")
    }

    @Test(arguments: [
        ("a\u{0}b\u{1B}[31mc\r\nd", "ab[31mcd"), ("x\u{7F}y\u{85}z\u{9F}", "xyz"), ("l\u{2028}m\u{202E}n\u{2066}o", "lmno"),
        ("\u{A0}é漢😀", "\u{A0}é漢😀"), ("", ""), ("\u{1}", ""),
    ])
    func `control characters vanish (AUD-2)`(_ text: String, _ expected: String) throws {
        #expect(try Self.member("subject", of: .sample("a", subject: text))?.string == expected)
        let record = AuditRecord(Event("a", details: [("d", .array([.string(text)]))]), in: AuditContext(requestID: RequestID("r")))
        #expect(try Self.member("d", of: record)?.array == [.string(expected)])
    }

    @Test(arguments: [("a", 1024), ("é", 512), ("漢", 341), ("😀", 256), ("\"", 1024), ("\\", 1024)])
    func `a text ends after 1 KiB at a character (AUD-2)`(_ character: String, _ count: Int) throws {
        let text = String(repeating: character, count: 3000)
        #expect(try Self.member("subject", of: .sample("a", subject: text))?.string == String(repeating: character, count: count))
    }

    @Test func `details beyond the bounds are left out`() throws {
        let details = (0..<100).map {
            (key: "k\($0)", value: JSONValue.strings((0..<100).map { "\($0)" + String(repeating: "v", count: 99) }))
        }
        let line = Self.line(AuditRecord(Event("a", details: details), in: AuditContext(requestID: RequestID("r"))))
        let parsed = try JSONValue(parsing: Array(line.dropLast()))
        #expect(parsed["k0"]?.string == "[too large]")
        #expect(parsed["k31"] != nil && parsed["k32"] == nil)
    }

    @Test(arguments: [0, 999, 1000, 951_782_400_123, 1_795_258_800_007, 1_798_761_599_990, 253_402_300_799_999] as [Int64])
    func `times are RFC 3339 with milliseconds`(_ milliseconds: Int64) throws {
        let time = Timestamp(milliseconds: milliseconds)
        #expect(try Self.member("ts", of: .sample("a", at: time))?.string == time.rfc3339)
    }

    @Test(arguments: ["\u{1F}", "\"", "\\", "\u{7F}", "é", "\u{202E}"], 0...16)
    func `a special character is met at every offset`(_ special: String, _ offset: Int) throws {
        let text = String("0123456789abcdef".prefix(offset)) + special + "0123456789ABCDEF"
        let expected = ["\"", "\\", "é"].contains(special) ? text : text.replacing(special, with: "")
        #expect(try Self.member("subject", of: .sample("a", subject: text))?.string == expected)
    }
}
