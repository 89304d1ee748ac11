import HTTP
import Testing

@Suite struct RequestHeadParserTests {
    static let valid = [
        "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
        "\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /mcp?a=b&c=/../;x%zz HTTP/1.1\r\nhOST:example.com:8443\r\nAccept: \t application/json\t \r\nX-Empty:\r\n\r\n",
        "POST /token HTTP/1.1\r\nHost: [::1]:8443\r\nContent-Length: 5\r\n\r\n",
        "POST /token HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: Chunked\r\nExpect: 100-Continue\r\n\r\n",
        "DELETE /mcp/ HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, close\r\n\r\n",
        "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET http://Example.com/x?y HTTP/1.1\r\nHost: example.COM\r\n\r\n",
        "GET https://a HTTP/1.1\r\nHost: a\r\n\r\n",
        "HEAD /...a/%41%2e./.well-known/x:y@z,~ HTTP/1.0\r\nHost: a\r\nUser-Agent: caf\u{E9}!\r\n\r\n",
    ]

    static let invalid: [(String, RequestRefusal)] = [
        // Lines
        ("GET / HTTP/1.1\nHost: a\r\n\r\n", .bareLineBreak),
        ("GET / HTTP/1.1\r\nHost: a\n\r\n", .bareLineBreak),
        ("GET / HTTP/1.1\r\nHost: a\r\n\n", .bareLineBreak),
        ("GET / HTTP/1.1\r\nHost: a\rX: b\r\n\r\n", .bareLineBreak),
        ("GET / HTTP/1.1\r\nHost: a\r\r\n\r\n", .bareLineBreak),
        ("\n", .bareLineBreak),
        ("\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", .malformedRequestLine),
        ("GET /\r\n\r\n", .malformedRequestLine),
        ("GET  / HTTP/1.1\r\n\r\n", .malformedRequestLine),
        ("GET / HTTP/1.1 \r\n\r\n", .malformedRequestLine),
        (" GET / HTTP/1.1\r\n\r\n", .malformedRequestLine),
        ("GET /a b HTTP/1.1\r\n\r\n", .malformedRequestLine),
        ("GET\t/ HTTP/1.1\r\n\r\n", .malformedRequestLine),
        ("G(T / HTTP/1.1\r\n\r\n", .malformedRequestLine),
        ("GET / HTTP/2.0\r\n\r\n", .unsupportedVersion),
        ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", .unsupportedVersion),
        ("GET / HTTP/1.2\r\n\r\n", .unsupportedVersion),
        ("GET / http/1.1\r\n\r\n", .unsupportedVersion),
        ("GET / HTTP/1,1\r\n\r\n", .unsupportedVersion),
        ("get / HTTP/1.1\r\n\r\n", .unknownMethod),
        ("TRACE / HTTP/1.1\r\n\r\n", .unknownMethod),
        ("CONNECT a:443 HTTP/1.1\r\n\r\n", .malformedTarget),
        // Targets
        ("GET /a#b HTTP/1.1\r\n\r\n", .malformedTarget),
        ("GET /?a#b HTTP/1.1\r\n\r\n", .malformedTarget),
        ("GET /\u{E9} HTTP/1.1\r\n\r\n", .malformedTarget),
        ("GET /?\u{E9} HTTP/1.1\r\n\r\n", .malformedTarget),
        ("GET /\u{7F} HTTP/1.1\r\n\r\n", .malformedTarget),
        ("GET /%2 HTTP/1.1\r\n\r\n", .malformedTarget),
        ("GET /%zz HTTP/1.1\r\n\r\n", .malformedTarget),
        ("GET /a\"b HTTP/1.1\r\n\r\n", .malformedTarget),
        ("GET a HTTP/1.1\r\n\r\n", .malformedTarget),
        ("GET * HTTP/1.1\r\n\r\n", .malformedTarget),
        ("GET ftp://a/ HTTP/1.1\r\n\r\n", .malformedTarget),
        ("GET http:///x HTTP/1.1\r\n\r\n", .malformedTarget),
        ("GET http://u@a/ HTTP/1.1\r\nHost: a\r\n\r\n", .malformedTarget),
        ("GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\n", .authorityMismatch),
        ("GET http://a:80/ HTTP/1.1\r\nHost: a\r\n\r\n", .authorityMismatch),
        ("GET //a HTTP/1.1\r\n\r\n", .ambiguousPath),
        ("GET /a//b HTTP/1.1\r\n\r\n", .ambiguousPath),
        ("GET /. HTTP/1.1\r\n\r\n", .ambiguousPath),
        ("GET /a/./b HTTP/1.1\r\n\r\n", .ambiguousPath),
        ("GET /a/../b HTTP/1.1\r\n\r\n", .ambiguousPath),
        ("GET /a/.. HTTP/1.1\r\n\r\n", .ambiguousPath),
        ("GET /a/%2e%2E/b HTTP/1.1\r\n\r\n", .ambiguousPath),
        ("GET /a/.%2e HTTP/1.1\r\n\r\n", .ambiguousPath),
        ("GET /a%2fb HTTP/1.1\r\n\r\n", .ambiguousPath),
        ("GET /a%5Cb HTTP/1.1\r\n\r\n", .ambiguousPath),
        ("GET /a\\b HTTP/1.1\r\n\r\n", .ambiguousPath),
        ("GET /a%00 HTTP/1.1\r\n\r\n", .ambiguousPath),
        ("GET /a;b HTTP/1.1\r\n\r\n", .ambiguousPath),
        ("GET /a%3Bb HTTP/1.1\r\n\r\n", .ambiguousPath),
        ("GET /a%0d%0aX HTTP/1.1\r\n\r\n", .ambiguousPath),
        // Field lines
        ("GET / HTTP/1.1\r\nHost: a\r\n folded\r\n\r\n", .malformedFieldLine),
        ("GET / HTTP/1.1\r\n Host: a\r\n\r\n", .malformedFieldLine),
        ("GET / HTTP/1.1\r\nHost: a\r\n\tfolded: x\r\n\r\n", .malformedFieldLine),
        ("GET / HTTP/1.1\r\nHost\r\n\r\n", .malformedFieldLine),
        ("GET / HTTP/1.1\r\nHost : a\r\n\r\n", .invalidFieldName),
        ("GET / HTTP/1.1\r\n: a\r\n\r\n", .invalidFieldName),
        ("GET / HTTP/1.1\r\nX Y: a\r\n\r\n", .invalidFieldName),
        ("GET / HTTP/1.1\r\nX\u{0}: a\r\n\r\n", .invalidFieldName),
        ("GET / HTTP/1.1\r\nX\u{E9}: a\r\n\r\n", .invalidFieldName),
        ("GET / HTTP/1.1\r\nX_Forwarded_For: a\r\n\r\n", .invalidFieldName),
        ("GET / HTTP/1.1\r\nX.User: a\r\n\r\n", .invalidFieldName),
        ("GET / HTTP/1.1\r\nX: a\u{0}b\r\n\r\n", .invalidFieldValue),
        ("GET / HTTP/1.1\r\nX: a\u{1}b\r\n\r\n", .invalidFieldValue),
        ("GET / HTTP/1.1\r\nX: a\u{7F}\r\n\r\n", .invalidFieldValue),
        ("GET / HTTP/1.1\r\nX: \u{B}a\r\n\r\n", .invalidFieldValue),
        ("GET / HTTP/1.1\r\nX: a\u{85}\r\n\r\n", .invalidFieldValue),
        ("GET / HTTP/1.1\r\nX: \u{A0}a\r\n\r\n", .invalidFieldValue),
        // Host
        ("GET / HTTP/1.1\r\n\r\n", .missingHost),
        ("GET / HTTP/1.0\r\n\r\n", .missingHost),
        ("GET / HTTP/1.1\r\nHost: a\r\nhost: a\r\n\r\n", .repeatedHost),
        ("GET / HTTP/1.1\r\nHost:\r\n\r\n", .invalidHost),
        ("GET / HTTP/1.1\r\nHost: a b\r\n\r\n", .invalidHost),
        ("GET / HTTP/1.1\r\nHost: a, b\r\n\r\n", .invalidHost),
        ("GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", .invalidHost),
        ("GET / HTTP/1.1\r\nHost: u@a\r\n\r\n", .invalidHost),
        ("GET / HTTP/1.1\r\nHost: a:\r\n\r\n", .invalidHost),
        ("GET / HTTP/1.1\r\nHost: a:65536\r\n\r\n", .invalidHost),
        ("GET / HTTP/1.1\r\nHost: a:b\r\n\r\n", .invalidHost),
        ("GET / HTTP/1.1\r\nHost: :80\r\n\r\n", .invalidHost),
        ("GET / HTTP/1.1\r\nHost: [::1\r\n\r\n", .invalidHost),
        ("GET / HTTP/1.1\r\nHost: [1.2.3.4]\r\n\r\n", .invalidHost),
        ("GET / HTTP/1.1\r\nHost: [::1]x\r\n\r\n", .invalidHost),
        // Framing
        ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\n", .repeatedContentLength),
        ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5, 5\r\n\r\n", .invalidContentLength),
        ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +5\r\n\r\n", .invalidContentLength),
        ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n", .invalidContentLength),
        ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0x5\r\n\r\n", .invalidContentLength),
        ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length:\r\n\r\n", .invalidContentLength),
        ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5 5\r\n\r\n", .invalidContentLength),
        ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9007199254740993\r\n\r\n", .invalidContentLength),
        ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 18446744073709551621\r\n\r\n", .invalidContentLength),
        ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", .ambiguousFraming),
        ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 0\r\n\r\n", .ambiguousFraming),
        ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", .unsupportedTransferCoding),
        ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, chunked\r\n\r\n", .unsupportedTransferCoding),
        ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: identity\r\n\r\n", .unsupportedTransferCoding),
        ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n", .unsupportedTransferCoding),
        ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding:\r\n\r\n", .unsupportedTransferCoding),
        (
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
            .unsupportedTransferCoding
        ),
        ("POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", .unsupportedTransferCoding),
        // Others
        ("POST / HTTP/1.1\r\nHost: a\r\nExpect: 200-maybe\r\n\r\n", .unsupportedExpectation),
        ("GET / HTTP/1.1\r\nHost: a\r\nConnection: close, Authorization\r\n\r\n", .protectedConnectionOption),
        ("GET / HTTP/1.1\r\nHost: a\r\nConnection: X-Gatehouse-User\r\n\r\n", .protectedConnectionOption),
        ("GET / HTTP/1.1\r\nHost: a\r\nConnection: content-length\r\n\r\n", .protectedConnectionOption),
        ("GET /" + String(repeating: "a", count: 16 * 1024) + " HTTP/1.1\r\n\r\n", .requestLineTooLong),
        (String(repeating: "a", count: 16 * 1024 + 1), .requestLineTooLong),
        ("GET / HTTP/1.1\r\nX: " + String(repeating: "a", count: 32 * 1024), .fieldsTooLarge),
        ("GET / HTTP/1.1\r\n" + String(repeating: "X: a\r\n", count: 101), .tooManyFields),
    ]

    /// One byte a scalar, so that a table can hold bytes that are no UTF-8.
    static func bytes(_ text: String) -> [UInt8] { text.unicodeScalars.map { UInt8(truncatingIfNeeded: $0.value) } }

    @Test(arguments: invalid)
    func `what has no single reading is refused (HTTP-1, HTTP-4, HDR-1, HDR-3)`(_ text: String, _ reason: RequestRefusal) {
        let input = Self.bytes(text)
        #expect(Feeder.head(input, arrivingAt: [input.count]) == .refused(reason))
    }

    @Test(arguments: valid + invalid.map(\.0))
    func `how the bytes are split changes nothing`(_ text: String) {
        let input = Self.bytes(text)
        let whole = Feeder.head(input, arrivingAt: [input.count])
        #expect(whole != .incomplete)
        #expect(Feeder.head(input, arrivingAt: 0...input.count) == whole)
        // Long inputs repeat one byte: their splits are sampled.
        for split in stride(from: 0, to: input.count, by: max(1, input.count / 512)) {
            #expect(Feeder.head(input, arrivingAt: [split, input.count]) == whole)
        }
    }

    @Test(arguments: valid)
    func `every proper prefix of a head is incomplete`(_ text: String) {
        let input = Self.bytes(text)
        #expect(Feeder.head(input, arrivingAt: 0..<input.count) == .incomplete)
    }

    @Test func `target, fields and framing come out apart`() throws {
        let input = Array(
            "POST /mcp?a=1 HTTP/1.1\r\nHost: h:1\r\nContent-Length: 7\r\nX-Two:  b c \r\nConnection: x-one\r\nX-One: 1\r\n\r\nrest"
                .utf8)
        var parser = RequestHeadParser()
        var request = Request(method: .get, path: "")
        let head = try #require(try parser.parse(input.span, into: &request))
        #expect(request.method == .post && request.path == "/mcp" && request.query == "a=1")
        #expect(request.fields.lines.map(\.name) == ["host", "x-two"])
        #expect(request.fields[FieldName("x-two")] == "b c")
        #expect(head.framing == .length(7) && head.persists && head.length == input.count - 4)
    }

    @Test func `a parser is ready for the next head`() throws {
        let input = Array("GET /1 HTTP/1.1\r\nHost: a\r\nX: 1\r\n\r\n".utf8)
        var parser = RequestHeadParser()
        var request = Request(method: .get, path: "")
        for _ in 0..<3 {
            #expect(try parser.parse(input.span, into: &request) != nil)
            #expect(request.fields.count == 2)
        }
    }

    @Test func `limits are the configured ones`() {
        var limits = RequestHeadLimits()
        limits.fieldBlock = 20
        var parser = RequestHeadParser(limits: limits)
        var request = Request(method: .get, path: "")
        #expect(throws: RequestRefusal.fieldsTooLarge) {
            try parser.parse(Array("GET / HTTP/1.1\r\nHost: a\r\nX: 12345\r\n\r\n".utf8).span, into: &request)
        }
    }
}
