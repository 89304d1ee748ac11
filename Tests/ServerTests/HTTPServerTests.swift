import HTTP
import Primitives
import Server
import Testing
import Transport

@Suite struct HTTPServerTests {
    static let echo = Answer(limit: 4 << 20) { request, context in
        .text("\(request.method.rawValue) \(request.path) \(context.isSecure) \(String(decoding: request.body, as: UTF8.self))")
    }

    /// Sends the text over one plain connection and returns everything that comes back.
    private func exchange(
        _ text: String, _ responder: any Responder = echo, _ configuration: ServerConfiguration = .patient
    ) async throws -> String {
        let fixture = try ServerFixture(responder, configuration: configuration)
        let client = try fixture.connect()
        client.send(text)
        let reply = try await client.readToEnd()
        await fixture.stop()
        return reply
    }

    @Test func `curl gets an answer over TLS`() async throws {
        let fixture = try ServerFixture(Self.echo, isSecure: true)
        let files = ServerFixture.certificate("localhost")
        let reply = try await fixture.curl("--cacert", files.certificate, "-d", "hello", path: "/greeting?x=1")
        #expect(reply.output == "POST /greeting true hello")
        await fixture.stop()
    }

    @Test func `pipelined requests are answered in order`() async throws {
        let reply = try await exchange(
            "GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
            Answer { request, _ in .text(request.path) })
        #expect(reply.contains("\r\n\r\n/1HTTP/1.1 200 OK"))
        #expect(reply.hasSuffix("connection: close\r\n\r\n/2"))
    }

    @Test func `a refused request ends the connection, and what follows it is not looked at (HTTP-1)`() async throws {
        let reply = try await exchange(
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n"
        )
        #expect(reply.hasPrefix("HTTP/1.1 400 Bad Request\r\n") && reply.contains("ambiguous_framing"))
        #expect(reply.contains("connection: close") && !reply.contains("smuggled"))
    }

    @Test(arguments: [
        "Content-Length: 11\r\n\r\n", "Content-Length: 11\r\nExpect: 100-continue\r\n\r\n",
        "Transfer-Encoding: chunked\r\n\r\nb\r\nhello world\r\n0\r\n\r\n",
    ])
    func `a body beyond the responder's limit is answered 413`(_ rest: String) async throws {
        let reply = try await exchange("POST / HTTP/1.1\r\nHost: a\r\n" + rest, Answer(limit: 10) { _, _ in Response(.ok) })
        #expect(reply.hasPrefix("HTTP/1.1 413 "))
    }

    @Test func `a client that waits for 100 gets it before the answer`() async throws {
        let fixture = try ServerFixture(Self.echo)
        let client = try fixture.connect()
        client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n")
        #expect(try await client.read(until: "\r\n\r\n") == "HTTP/1.1 100 Continue\r\n\r\n")
        client.send("hi")
        #expect(try await client.readToEnd().hasSuffix("POST / false hi"))
        await fixture.stop()
    }

    @Test func `HEAD has the head of GET and no body`() async throws {
        let reply = try await exchange(
            "HEAD / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", Answer { _, _ in .text("four") })
        #expect(reply.hasSuffix("content-length: 4\r\nconnection: close\r\n\r\n"))
    }

    @Test func `fields that could pose as a proxy or a user never reach the responder (HDR-1)`() async throws {
        let reply = try await exchange(
            "GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 1.2.3.4\r\nX-User: root\r\nConnection: close\r\n\r\n",
            Answer { request, _ in .text(request.fields.lines.map(\.name).joined(separator: " ")) })
        #expect(reply.hasSuffix("\r\n\r\nhost"))
    }

    @Test func `a peer that ends its direction after the request still gets the answer`() async throws {
        let fixture = try ServerFixture(Self.echo)
        let client = try fixture.connect()
        client.send("GET /half HTTP/1.1\r\nHost: a\r\n\r\n")
        client.endWriting()
        #expect(try await client.readToEnd().hasSuffix("GET /half false "))
        await fixture.stop()
    }

    @Test func `bodies of megabytes pass both ways over TLS`() async throws {
        let fixture = try ServerFixture(
            Answer(limit: 8 << 20) { request, _ in .init(.ok, body: .bytes(request.body)) }, isSecure: true)
        let text = String(repeating: "0123456789abcdef", count: 200_000)
        let reply = try await fixture.upload(text)
        #expect(reply == text)
        await fixture.stop()
    }

    @Test func `requests of one connection stay on their loop`() async throws {
        let fixture = try ServerFixture(Answer { _, context in .text("\(context.loopIndex)") }, loops: 2)
        let client = try fixture.connect()
        func request() async throws {
            client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            _ = try await client.read(until: "\r\n\r\n")
        }
        try await request()
        let before = fixture.group.loops.map(\.remoteEnqueues)
        for _ in 0..<200 { try await request() }
        // R1, R2: no request crosses to another thread and back.
        #expect(fixture.group.loops.map(\.remoteEnqueues) == before)
        await fixture.stop()
    }

    @Test func `a connection beyond the limit is told to come again, and the others go on`() async throws {
        var configuration = ServerConfiguration.patient
        configuration.connections = 1
        let fixture = try ServerFixture(Self.echo, configuration: configuration)
        let first = try fixture.connect()
        first.send("GET /1 HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(try await first.read(until: "GET /1 false").contains("200 OK"))
        // In the middle of a request it does not idle, and is not ended to make room.
        first.send("GET /2 HTTP/1.1\r\nHost: a\r\n")
        #expect(try await fixture.connect().readToEnd().hasPrefix("HTTP/1.1 503"))
        first.send("Connection: close\r\n\r\n")
        #expect(try await first.readToEnd().hasSuffix("GET /2 false "))
        await fixture.stop()
    }

    @Test func `every answer carries a date of RFC 9110 §5.6.7`() async throws {
        let reply = try await exchange("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        #expect(reply.contains(/\r\ndate: [A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT\r\n/))
    }
}
