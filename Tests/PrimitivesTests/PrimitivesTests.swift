import Primitives
import Testing

@Suite struct TimestampTests {
    @Test(arguments: [
        (0, "1970-01-01T00:00:00.000Z"), (951_782_400_125, "2000-02-29T00:00:00.125Z"),
        (1_795_253_400_000, "2026-11-21T09:30:00.000Z"), (-1, "1969-12-31T23:59:59.999Z"),
    ])
    func `RFC 3339 is written and read`(_ milliseconds: Int64, _ text: String) {
        #expect(Timestamp(milliseconds: milliseconds).rfc3339 == text)
        #expect(Timestamp(rfc3339: text)?.milliseconds == milliseconds)
    }

    @Test(arguments: ["2026-11-21T09:30:00", "2026-13-01T00:00:00Z", "x", "", "2026-11-21T09:30:00.Z", "2026-11-21T25:00:00Z"])
    func `malformed times are refused`(_ text: String) { #expect(Timestamp(rfc3339: text) == nil) }
}

@Suite struct EncodingTests {
    @Test(arguments: [([], ""), ([0xFB], "-w"), ([0xFB, 0xFF], "-_8"), ([1, 2, 3], "AQID")])
    func `base64url round-trips`(_ bytes: [UInt8], _ text: String) {
        #expect(Base64.encode(bytes) == text)
        #expect(Base64.decode(text) == bytes)
    }

    @Test(arguments: ["A", "-x", "AQI=", "AQ ID", "+w"])
    func `non-canonical base64url is refused`(_ text: String) { #expect(Base64.decode(text) == nil) }

    @Test(arguments: ["SGVsbG8", "SGVs!!!bG8=", "SGVsbG8==", "SGVsbG9="])
    func `non-canonical standard base64 is refused`(_ text: String) { #expect(Base64.decode(text, .standard) == nil) }

    @Test func `standard base64 is padded`() { #expect(Base64.encode(Array("Hello".utf8), .standard) == "SGVsbG8=") }
}

@Suite struct IPAddressTests {
    @Test(arguments: [
        ("127.0.0.1", "127.0.0.1"), ("::1", "::1"), ("::ffff:10.0.0.1", "10.0.0.1"), ("2001:DB8:0:0:1:0:0:1", "2001:db8::1:0:0:1"),
        ("::", "::"), ("fe80::1:2", "fe80::1:2"),
    ])
    func `addresses have one spelling`(_ text: String, _ canonical: String) { #expect(IPAddress(text)?.description == canonical) }

    @Test(arguments: ["", "1.2.3", "01.2.3.4", "256.1.1.1", "1:2:3", ":::", "1::2::3", "g::", "1.2.3.4.5", "::1%lo"])
    func `malformed addresses are refused`(_ text: String) { #expect(IPAddress(text) == nil) }

    @Test func `networks contain by prefix`() throws {
        let network = try #require(Network("160.79.104.0/21"))
        #expect(network.contains(try #require(IPAddress("160.79.111.255"))))
        #expect(!network.contains(try #require(IPAddress("160.79.112.0"))))
        #expect(Network("10.0.0.1/8") == nil)
    }
}

@Suite struct ScopeTests {
    @Test func `a higher class covers the lower ones`() throws {
        let held = ScopeSet(text: "qarnot:execute unknown nonsense:x")
        #expect(held.covers(try #require(Scope("qarnot:read"))))
        #expect(!held.covers(try #require(Scope("qarnot:admin"))))
        #expect(held.description == "qarnot:execute")
    }

    @Test func `a role bounds what a token grants`() {
        let viewer = Principal(
            userID: UserID("u"), username: "u", role: .viewer, scopes: ScopeSet(text: "qarnot:admin"), resource: nil,
            credential: .accessToken, clientID: nil, grantID: nil, tokenReference: "00000000", expiresAt: nil)
        #expect(viewer.permission(for: "qarnot") == .read)
        #expect(viewer.permission(for: "airflow") == nil)
    }
}

@Suite struct SecretTests {
    @Test func `a secret cannot be printed`() {
        let secret = Secret("hunter2")
        #expect("\(secret) \(String(reflecting: secret)) \([secret])".contains("hunter2") == false)
        var dumped = ""
        dump(secret, to: &dumped)
        #expect(!dumped.contains("hunter2"))
    }
}

@Suite struct JSONCanonicalTests {
    @Test(arguments: [
        ("{\"b\":1,\"a\":[1.0,1e2,0.000001,1e-7,1e21,4.50]}", "{\"a\":[1,100,0.000001,1e-7,1e+21,4.5],\"b\":1}"),
        ("\"\\u20ac\\u000f\\n\\/\\\"\"", "\"€\\u000f\\n/\\\"\""),
        ("[333333333.33333329,1E30,2e-3,0.000000000000000000000000001]", "[333333333.3333333,1e+30,0.002,1e-27]"),
    ])
    func `the canonical form is that of RFC 8785`(_ text: String, _ canonical: String) throws {
        #expect(String(decoding: try JSONValue(parsing: text).canonical, as: UTF8.self) == canonical)
    }
}
