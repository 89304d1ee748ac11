import Client
import HTTP
import Primitives
import Testing
import Transport

@Suite struct UpstreamPoolTests {
    private static let ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
    private static let post = UpstreamRequest(
        .post, fields: [(.contentType, "application/json")], credential: ("X-Key", Secret("k-1")), body: Array("{}".utf8),
        timeout: .seconds(60))

    private func run(
        _ scripts: [[ScriptedPeer.Step]], _ requests: [UpstreamRequest], limit: Int = 1 << 20
    ) async throws -> (results: [Result<PoolFixture.Answer, ClientError>], seen: [String]) {
        let peer = try ScriptedPeer(scripts)
        let fixture = try PoolFixture("http://localhost:\(peer.endpoint.port)/mcp?x=1")
        var results: [Result<PoolFixture.Answer, ClientError>] = []
        for request in requests { results.append(await fixture.send(request, limit: limit)) }
        fixture.stop()
        peer.stop()
        return (results, peer.requests)
    }

    @Test func `a request is ours from the first byte to the last`() async throws {
        let (results, seen) = try await run([[.answer([Self.ok])]], [Self.post])
        #expect(results == [.success(.init(status: 200, body: "ok"))])
        let lines = seen[0].split(separator: "\r\n", omittingEmptySubsequences: false)
        #expect(lines[0] == "POST /mcp?x=1 HTTP/1.1" && lines[1].hasPrefix("host: localhost:"))
        #expect(lines.dropFirst(2) == ["content-type: application/json", "X-Key: k-1", "content-length: 2", "", "{}"])
    }

    @Test func `a connection is used again, the one used last first`() async throws {
        let (results, seen) = try await run([[.answer([Self.ok]), .answer([Self.ok])]], [Self.post, Self.post])
        #expect(results.count == 2 && seen.count == 2)
        #expect(results.allSatisfy { (try? $0.get())?.body == "ok" })
    }

    @Test func `a chunked answer comes in pieces, however it is split`() async throws {
        let text = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6;a=b\r\n world\r\n0\r\n\r\n"
        let bytes = Array(text.utf8)
        for cut in stride(from: 1, to: bytes.count, by: 4) {
            let pieces = [String(decoding: bytes[..<cut], as: UTF8.self), String(decoding: bytes[cut...], as: UTF8.self)]
            let (results, _) = try await run([[.answer(pieces)]], [Self.post])
            #expect(results == [.success(.init(status: 200, body: "hello world"))])
        }
    }

    @Test func `interim answers are passed over`() async throws {
        let (results, _) = try await run(
            [[.answer(["HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\n", "HTTP/1.1 100 Continue\r\n\r\n" + Self.ok])]], [Self.post])
        #expect(results == [.success(.init(status: 200, body: "ok"))])
    }

    @Test func `a body without a length ends with the connection`() async throws {
        let (results, _) = try await run([[.answerAndClose(["HTTP/1.1 200 OK\r\n\r\nab", "cd"])]], [Self.post])
        #expect(results == [.success(.init(status: 200, body: "abcd"))])
    }

    @Test func `a reused connection that dies unanswered is replaced once`() async throws {
        let (results, seen) = try await run(
            [[.answer([Self.ok]), .answerAndClose([])], [.answer([Self.ok])]], [Self.post, Self.post])
        #expect(results[1] == .success(.init(status: 200, body: "ok")))
        #expect(seen.count == 3)
    }

    @Test func `a request that may spend is never sent twice`() async throws {
        var spending = Self.post
        spending.isRepeatable = false
        let (results, seen) = try await run(
            [[.answer([Self.ok]), .answerAndClose([])], [.answer([Self.ok])]], [Self.post, spending])
        guard case .failure(let error) = results[1] else { return #expect(Bool(false), "it must fail") }
        #expect(error.code == .transport && error.mayHaveBeenSent && seen.count == 2)
    }

    @Test func `a new connection that dies unanswered is no reason to try again`() async throws {
        let (results, seen) = try await run([[.answerAndClose([])], [.answer([Self.ok])]], [Self.post])
        guard case .failure(let error) = results[0] else { return #expect(Bool(false), "it must fail") }
        #expect(error.code == .transport && seen.count == 1)
    }

    @Test(arguments: [
        "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 1",
        "SSH-2.0-OpenSSH_9.9\r\n\r\n",
    ]) func `a broken answer is an error, never a short body`(_ text: String) async throws {
        let (results, _) = try await run([[.answerAndClose([text])]], [Self.post])
        guard case .failure(let error) = results[0] else { return #expect(Bool(false), "it must fail") }
        #expect(error.code == .transport)
    }

    @Test(arguments: [
        "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n" + String(repeating: "a", count: 100),
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n64\r\n" + String(repeating: "a", count: 100) + "\r\n0\r\n\r\n",
    ]) func `an answer beyond the limit is cut off`(_ text: String) async throws {
        let (results, _) = try await run([[.answer([text])]], [Self.post], limit: 99)
        guard case .failure(let error) = results[0] else { return #expect(Bool(false), "it must fail") }
        #expect(error.code == .tooLarge)
    }

    @Test func `a silent upstream runs into the timeout`() async throws {
        var hasty = Self.post
        hasty.timeout = .milliseconds(100)
        let (results, _) = try await run([[.silence]], [hasty])
        guard case .failure(let error) = results[0] else { return #expect(Bool(false), "it must fail") }
        #expect(error.code == .timeout && error.mayHaveBeenSent)
    }

    @Test func `nobody listening is told as that`() async throws {
        let listening = try ListeningSocket(Endpoint("127.0.0.1:0")!)
        let port = listening.endpoint.port
        _ = consume listening
        let fixture = try PoolFixture("http://localhost:\(port)/")
        guard case .failure(let error) = await fixture.send(Self.post) else { return #expect(Bool(false), "it must fail") }
        #expect(error.code == .connect && !error.mayHaveBeenSent)
        fixture.stop()
    }

    @Test func `a cancelled exchange ends at once`() async throws {
        let peer = try ScriptedPeer([[.silence]])
        let fixture = try PoolFixture("http://127.0.0.1:\(peer.endpoint.port)/")
        let cancellation = UpstreamCancellation()
        async let result = fixture.send(Self.post, cancellation: cancellation)
        while peer.requests.isEmpty { await Task.yield() }
        cancellation.cancel()
        guard case .failure(let error) = await result else { return #expect(Bool(false), "it must fail") }
        #expect(error.code == .cancelled)
        fixture.stop()
        peer.stop()
    }

    @Test func `pieces are handed on as they come`() async throws {
        let peer = try ScriptedPeer([
            [.answer(["HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "3\r\none\r\n", "3\r\ntwo\r\n", "0\r\n\r\n"])]
        ])
        let fixture = try PoolFixture("http://127.0.0.1:\(peer.endpoint.port)/")
        #expect(await fixture.pieces(Self.post).joined() == "onetwo")
        fixture.stop()
        peer.stop()
    }
}
