import HTTP
import Testing

@Suite struct ResponseHeadParserTests {
    private static let answers = [
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 12\r\n\r\n",
        "HTTP/1.1 200\r\nTransfer-Encoding: chunked\r\nConnection: X-Hop, keep-alive\r\nX-Hop: 1\r\nX-End: 2\r\n\r\n",
        "HTTP/1.0 404 Not Found\r\nServer: a\r\n\r\n",
        "HTTP/1.1 204 \r\nKeep-Alive: timeout=5\r\n\r\n",
    ]

    private func parse(_ text: String, splitAt lengths: [Int]? = nil) -> String {
        let bytes = Array(text.utf8)
        var parser = ResponseHeadParser()
        for length in lengths ?? [bytes.count] {
            do throws(UpstreamRefusal) {
                guard let head = try parser.parse(bytes.span.extracting(0..<length)) else { continue }
                let fields = head.fields.lines.map { "\($0.name)=\($0.value)" }.joined(separator: "|")
                return "\(head.status) \(head.framing) \(head.persists) \(head.length) \(fields)"
            } catch {
                return error.rawValue
            }
        }
        return "incomplete"
    }

    @Test(arguments: answers) func `how an answer is split changes nothing`(_ text: String) {
        let whole = parse(text)
        let count = text.utf8.count
        for first in 0...count {
            for second in stride(from: first, through: count, by: 3) {
                #expect(parse(text, splitAt: [first, second, count]) == whole)
            }
        }
        #expect(parse(text, splitAt: Array(0...count)) == whole)
        #expect(whole.contains(" \(count) "))
    }

    @Test func `fields of the hop and what Connection names end here`() {
        #expect(parse(Self.answers[1]) == "200 chunked true \(Self.answers[1].utf8.count) x-end=2")
        #expect(parse(Self.answers[3]).hasSuffix("none true \(Self.answers[3].utf8.count) "))
    }

    @Test func `without a length the body ends with the connection, which is not used again`() {
        #expect(parse("HTTP/1.1 200 OK\r\nA: b\r\n\r\n").hasPrefix("200 untilClose false"))
        #expect(parse("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 1\r\n\r\n").hasPrefix("200 length(1) false"))
        #expect(parse("HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\n").hasPrefix("200 length(1) false"))
    }

    @Test(arguments: [
        ("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", "ambiguous_framing"),
        ("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n", "ambiguous_framing"),
        ("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "ambiguous_framing"),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", "unsupported_transfer_coding"),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", "unsupported_transfer_coding"),
        ("HTTP/1.1 200 OK\r\nContent-Length: +1\r\n\r\n", "invalid_content_length"),
        ("HTTP/1.1 200 OK\r\nContent-Length: \r\n\r\n", "invalid_content_length"),
        ("HTTP/1.1 200 OK\r\nContent-Length: 9999999999999999\r\n\r\n", "invalid_content_length"),
        ("HTTP/1.1 200 OK\r\nA : b\r\n\r\n", "malformed_field"),
        ("HTTP/1.1 200 OK\r\nA: b\r\n folded\r\n\r\n", "malformed_field"),
        ("HTTP/1.1 200 OK\r\nA: b\nB: c\r\n\r\n", "malformed_field"),
        ("HTTP/1.1 200 OK\r\nA: b\rc\r\n\r\n", "malformed_field"),
        ("HTTP/1.1 200 OK\r\nnothing\r\n\r\n", "malformed_field"),
        ("HTTP/2 200 OK!!\r\n\r\n", "malformed_status_line"), ("ICY 200 OK OK\r\n\r\n", "malformed_status_line"),
        ("HTTP/1.1 2x0 OK\r\n\r\n", "malformed_status_line"), ("HTTP/1.1 099 OK\r\n\r\n", "malformed_status_line"),
        ("HTTP/1.1 101 Switching\r\n\r\n", "switched_protocols"),
    ]) func `what has two readings is refused`(_ text: String, _ reason: String) {
        #expect(parse(text) == reason)
    }

    @Test func `a head without end and one with too many lines are refused`() {
        #expect(parse("HTTP/1.1 200 OK\r\nA: " + String(repeating: "b", count: 70_000)) == "head_too_large")
        #expect(parse("HTTP/1.1 200 OK\r\n" + String(repeating: "A: b\r\n", count: 129) + "\r\n") == "head_too_large")
        #expect(parse("HTTP/1.1 200 OK\r\nA: b\r\n") == "incomplete")
    }
}
