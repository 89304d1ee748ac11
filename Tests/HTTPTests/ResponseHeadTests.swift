import HTTP
import Primitives
import Testing

@Suite struct ResponseHeadTests {
    private func write(_ response: Response, to method: Method = .get, old: Bool = false, persists: Bool = true) -> String {
        var request = RequestHead()
        request.isVersion10 = old
        let head = ResponseHead(response, to: method, request, persists: persists)
        var out = ByteBuffer(capacity: 16)
        head.write(response, date: Array("DATE".utf8), into: &out)
        if head.sendsBody, case .bytes(let bytes) = response.body { out.append(bytes) }
        return out.withBytes { span in String(decoding: (0..<span.count).map { span[$0] }, as: UTF8.self) }
    }

    @Test func `status, date, fields, length and body in one piece`() {
        #expect(
            write(.text("hi"))
                == "HTTP/1.1 200 OK\r\ndate: DATE\r\ncontent-type: text/plain; charset=utf-8\r\ncontent-length: 2\r\n\r\nhi")
    }

    @Test func `HEAD gets the length but not the body`() {
        #expect(write(.text("hi"), to: .head).hasSuffix("content-length: 2\r\n\r\n"))
    }

    @Test(arguments: [Status.noContent, .notModified])
    func `a status without a body has neither body nor length`(_ status: Status) {
        let text = write(Response(status, body: .bytes([1, 2])))
        #expect(text.hasSuffix("\r\n\r\n") && !text.contains("content-length"))
    }

    @Test func `no body is a body of length 0`() {
        #expect(write(Response(.ok)).hasSuffix("content-length: 0\r\n\r\n"))
    }

    @Test func `a stream is chunked for HTTP 1.1 and ends with the connection for 1.0`() {
        let stream = Response(.ok, body: .stream { _ in })
        #expect(write(stream).hasSuffix("transfer-encoding: chunked\r\n\r\n"))
        #expect(write(stream, old: true).hasSuffix("date: DATE\r\nconnection: close\r\n\r\n"))
    }

    @Test func `framing fields of a responder are left out (HTTP-2)`() {
        let response = Response(
            .ok, fields: [(.contentLength, "7"), (.transferEncoding, "chunked"), (.connection, "x"), (.date, "y"), (.vary, "z")])
        #expect(write(response) == "HTTP/1.1 200 OK\r\ndate: DATE\r\nvary: z\r\ncontent-length: 0\r\n\r\n")
    }

    @Test func `a line break in a value cannot split the response`() {
        #expect(!write(Response(.ok).with(.location, "/\r\nset-cookie: a")).contains("\nset-cookie"))
    }

    @Test(arguments: [(1, "1"), (15, "f"), (16, "10"), (255, "ff"), (65_536, "10000")])
    func `chunk sizes are hexadecimal`(_ count: Int, _ size: String) {
        var out = ByteBuffer(capacity: 16)
        ChunkedEncoder.append([UInt8](repeating: 0x61, count: count), to: &out)
        let text = out.withBytes { span in String(decoding: (0..<span.count).map { span[$0] }, as: UTF8.self) }
        #expect(text == "\(size)\r\n" + String(repeating: "a", count: count) + "\r\n")
    }
}
