import HTTP
import Primitives
import Server
import Testing
import Transport

@Suite struct HTTPServerTests {
    @Test func `curl gets an answer over TLS`() async throws {
        let fixture = try ServerFixture(
            Answer { request, context in
                .text("\(request.method.rawValue) \(request.path) \(context.isSecure) \(String(decoding: request.body, as: UTF8.self))")
            }, isSecure: true)
        let files = ServerFixture.certificate("localhost")
        let reply = try await fixture.curl("--cacert", files.certificate, "-d", "hello", path: "/greeting?x=1")
        #expect(reply.output == "POST /greeting true hello")
        await fixture.stop()
    }

    @Test func `a plain connection answers pipelined requests in order`() async throws {
        let fixture = try ServerFixture(Answer { request, _ in .text(request.path) })
        let client = try fixture.connect()
        client.send("GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        let reply = try await client.readToEnd()
        let first = try #require(reply.firstRange(of: "\r\n\r\n/1HTTP/1.1 200 OK"))
        #expect(reply.hasSuffix("connection: close\r\n\r\n/2") && first.lowerBound > reply.startIndex)
        await fixture.stop()
    }
}
