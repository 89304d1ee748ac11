import HTTP
import Testing

@Suite struct ChunkedDecoderTests {
    static let head = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
    static let valid: [(String, String)] = [
        ("0\r\n\r\n", ""),
        ("5\r\nhello\r\n0\r\n\r\n", "hello"),
        ("5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n", "hello world"),
        ("00000000000000A;x=y\r\n0123456789\r\n0;z\r\nTrailer-One: x\r\nT: \r\n\r\n", "0123456789"),
        ("2\r\n\r\n\r\n0\r\n\r\n", "\r\n"),
    ]
    static let invalid: [(String, RequestRefusal)] = [
        ("\r\n", .malformedChunk), (" 5\r\n", .malformedChunk), ("5 \r\n", .malformedChunk), ("0x5\r\n", .malformedChunk),
        ("+5\r\n", .malformedChunk), ("-1\r\n", .malformedChunk), ("g\r\n", .malformedChunk), ("5\nhello", .malformedChunk),
        ("5\rhello", .malformedChunk), ("5\r\nhello\n", .malformedChunk), ("5\r\nhello0", .malformedChunk),
        ("5\r\nhello\rX", .malformedChunk), ("00000000000000005\r\n", .malformedChunk), ("5;a\nb", .malformedChunk),
        ("5;" + String(repeating: "a", count: 257), .malformedChunk), ("5;\u{0}\r\n", .malformedChunk),
        ("0\r\nno colon\r\n", .malformedChunk), ("0\r\n folded: x\r\n", .malformedChunk), ("0\r\nnocolon\r\n", .malformedChunk),
        ("0\r\nX: a\n", .malformedChunk), ("0\r\nX_Y: a\r\n", .malformedChunk),
        ("0\r\n" + String(repeating: "X: aaaa\r\n", count: 1000), .malformedChunk),
        ("100001\r\n", .bodyTooLarge), ("ffffffffffffffff\r\n", .bodyTooLarge), ("7fffffffffffffff\r\n", .bodyTooLarge),
    ]

    @Test(arguments: valid)
    func `data comes out and framing does not`(_ coded: String, _ data: String) {
        let input = Array((Self.head + coded + "NEXT").utf8)
        #expect(Feeder.message(input, pieces: []) == .message("POST / ?- host=a", body: Array(data.utf8), rest: 4))
    }

    @Test(arguments: invalid)
    func `malformed chunks are refused (HTTP-1)`(_ coded: String, _ reason: RequestRefusal) {
        #expect(Feeder.message(Array((Self.head + coded).utf8), pieces: []) == .refused(reason))
    }

    @Test(arguments: valid.map(\.0) + invalid.map(\.0))
    func `how the bytes are split changes nothing`(_ coded: String) {
        let input = Array((Self.head + coded).utf8)
        let whole = Feeder.message(input, pieces: [])
        #expect(Feeder.message(input, pieces: Array(1..<input.count)) == whole)
        for split in stride(from: 1, to: input.count, by: max(1, input.count / 256)) {
            #expect(Feeder.message(input, pieces: [split]) == whole)
        }
    }

    @Test func `chunks that add up to more than the limit are refused before they come`() {
        let input = Array((Self.head + "6\r\n123456\r\n5\r\n").utf8)
        #expect(Feeder.message(input, pieces: [], limit: 10) == .refused(.bodyTooLarge))
        #expect(Feeder.message(input, pieces: [], limit: 11) == .incomplete)
    }
}
