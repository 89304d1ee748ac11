import Client
import Foundation
import HTTP
import Logging
import Primitives
import Server
import Synchronization
import Testing
import Transport

@Suite struct HTTPClientTests {
    @Test func `an answer comes back whole, and secret fields arrive`() async throws {
        let peer = try Peer { request, _ in
            let fields = request.fields
            return .text(
                "\(request.method.rawValue) \(fields[FieldName("authorization")] ?? "-") \(fields[.contentType] ?? "-") \(request.body.count)"
            )
            .with(FieldName("x-answer"), "yes")
        }
        var request = OutboundRequest(
            .post, peer.url + "/path", secretFields: [("Authorization", Secret("token-1"))], body: Array("hello".utf8))
        request.fields = [("Content-Type", "application/json")]
        let response = try await HTTPClient().send(request)
        #expect(response.status == 200 && response.fields[FieldName("x-answer")] == "yes")
        #expect(String(decoding: response.body, as: UTF8.self) == "POST token-1 application/json 5")
        await peer.stop()
    }

    @Test(arguments: [HTTP.Method.get, .head, .put, .delete, .patch])
    func `every method is sent as itself`(_ method: HTTP.Method) async throws {
        let peer = try Peer { request, _ in Response(.ok).with(FieldName("x-method"), request.method.rawValue) }
        let response = try await HTTPClient().send(OutboundRequest(method, peer.url))
        #expect(response.fields[FieldName("x-method")] == method.rawValue)
        await peer.stop()
    }

    @Test func `connections are kept and used again`() async throws {
        let peer = try Peer { _, _ in .text("ok") }
        let client = HTTPClient()
        for _ in 0..<5 { _ = try await client.send(OutboundRequest(.get, peer.url)) }
        #expect(peer.server.openConnections == 1)
        await peer.stop()
    }

    @Test func `a request that must not be repeated gets a connection of its own`() async throws {
        let peer = try Peer { _, _ in .text("ok") }
        let client = HTTPClient()
        for _ in 0..<3 { _ = try await client.send(OutboundRequest(.post, peer.url, isRepeatable: false)) }
        #expect(peer.server.openConnections == 3)
        await peer.stop()
    }

    @Test func `a redirect is an answer, not an order`() async throws {
        let peer = try Peer { request, _ in
            request.path == "/" ? Response(Status(302)).with(.location, "/elsewhere") : .text("followed")
        }
        #expect(try await HTTPClient().send(OutboundRequest(.get, peer.url)).status == 302)
        await peer.stop()
    }

    @Test func `a refused connection tells that nothing was sent`() async throws {
        let peer = try Peer { _, _ in .text("ok") }
        let url = peer.url
        await peer.stop()
        await #expect { try await HTTPClient().send(OutboundRequest(.post, url)) } throws: { error in
            (error as? ClientError)?.code == .connect && (error as? ClientError)?.mayHaveBeenSent == false
        }
    }

    @Test(arguments: [
        ("http://no-such-host.invalid/", ClientError.Code.resolve), ("file:///etc/passwd", .invalidRequest),
        ("http://a b/", .invalidRequest), ("http://user@127.0.0.1/", .invalidRequest),
    ])
    func `an address that cannot be reached is refused`(_ url: String, _ code: ClientError.Code) async {
        await #expect { try await HTTPClient().send(OutboundRequest(.get, url)) } throws: {
            ($0 as? ClientError)?.code == code || code == .invalidRequest && ($0 as? ClientError)?.code == .transport
        }
    }

    @Test(arguments: [("Name\r\nX", "v"), ("Name", "v\r\nX: y"), ("", "v"), ("Na me", "v")])
    func `a field that would end its line is refused`(_ name: String, _ value: String) async {
        await #expect {
            try await HTTPClient().send(OutboundRequest(.get, "http://127.0.0.1:1", fields: [(name, value)]))
        } throws: {
            ($0 as? ClientError)?.code == .invalidRequest
        }
    }

    @Test func `an answer longer than allowed is cut off`() async throws {
        let peer = try Peer { _, _ in Response(.ok, body: .bytes([UInt8](repeating: 65, count: 100_000))) }
        let client = HTTPClient()
        await #expect { try await client.send(OutboundRequest(.get, peer.url, maximumResponseBytes: 99_999)) } throws: {
            ($0 as? ClientError)?.code == .tooLarge
        }
        #expect(try await client.send(OutboundRequest(.get, peer.url, maximumResponseBytes: 100_000)).body.count == 100_000)
        await peer.stop()
    }

    @Test func `a slow answer times out, and may have been acted upon`() async throws {
        let peer = try Peer { _, sleeper in
            try? await sleeper.sleep(for: .seconds(60))
            return .text("late")
        }
        await #expect {
            try await HTTPClient().send(OutboundRequest(.post, peer.url, body: [1], timeout: .milliseconds(200)))
        } throws: {
            ($0 as? ClientError)?.code == .timeout && ($0 as? ClientError)?.mayHaveBeenSent == true
        }
        await peer.stop()
    }

    @Test func `cancelling the task aborts the transfer and tells the peer`() async throws {
        let (started, start) = AsyncStream.makeStream(of: Void.self)
        let (ended, end) = AsyncStream.makeStream(of: Bool.self)
        let peer = try Peer { _, sleeper in
            start.yield()
            let isCancelled = (try? await sleeper.sleep(for: .seconds(60))) == nil
            end.yield(isCancelled)
            return .text("late")
        }
        let client = HTTPClient()
        let task = Task { try await client.send(OutboundRequest(.get, peer.url)) }
        for await _ in started { break }
        task.cancel()
        await #expect { try await task.value } throws: { ($0 as? ClientError)?.code == .cancelled }
        for await isCancelled in ended {
            #expect(isCancelled)
            break
        }
        await peer.stop()
    }

    @Test func `a cancelled task sends nothing`() async throws {
        let count = Counter()
        let peer = try Peer { _, _ in
            count.add()
            return .text("ok")
        }
        let client = HTTPClient()
        let task = Task {
            unsafe withUnsafeCurrentTask { unsafe $0?.cancel() }
            return try await client.send(OutboundRequest(.get, peer.url))
        }
        await #expect { try await task.value } throws: { ($0 as? ClientError)?.code == .cancelled }
        _ = try await client.send(OutboundRequest(.get, peer.url))
        #expect(count.value == 1)
        await peer.stop()
    }

    @Test func `beyond the queue requests are refused at once, and stopping ends the rest`() async throws {
        let (started, start) = AsyncStream.makeStream(of: Void.self)
        let peer = try Peer { _, sleeper in
            start.yield()
            try? await sleeper.sleep(for: .seconds(60))
            return .text("late")
        }
        var settings = HTTPClient.Settings()
        settings.maximumInFlight = 1
        settings.queueLimit = 2
        let client = HTTPClient(settings)
        let running = Task { try await client.send(OutboundRequest(.get, peer.url)) }
        for await _ in started { break }
        let waiting = Task { try await client.send(OutboundRequest(.get, peer.url, timeout: .milliseconds(100))) }
        await #expect { try await waiting.value } throws: {
            ($0 as? ClientError)?.code == .timeout && ($0 as? ClientError)?.mayHaveBeenSent == false
        }
        // One of three finds a place; the refusal of the others stops the client, which ends that one and the running one.
        let codes = await withTaskGroup(of: ClientError.Code?.self) { group in
            for _ in 0..<3 {
                group.addTask {
                    do throws(ClientError) { _ = try await client.send(OutboundRequest(.get, peer.url)) } catch {
                        return error.code
                    }
                    return nil
                }
            }
            var codes: [ClientError.Code?] = []
            for await code in group {
                codes.append(code)
                client.stop()
            }
            return codes
        }
        #expect(codes == [.busy, .busy, .busy])
        await #expect { try await running.value } throws: { ($0 as? ClientError)?.code == .busy }
        await peer.stop()
    }

    @Test func `an unknown authority is refused, a given one is trusted`() async throws {
        let peer = try Peer(isSecure: true) { _, _ in .text("secure") }
        await #expect { try await HTTPClient().send(OutboundRequest(.get, peer.url)) } throws: {
            ($0 as? ClientError)?.code == .tls
        }
        var settings = HTTPClient.Settings()
        settings.caFile = Peer.certificate.certificate
        #expect(try await HTTPClient(settings).send(OutboundRequest(.get, peer.url)).status == 200)
        await peer.stop()
    }
}

/// A server to talk to.
struct Peer {
    let group: EventLoopGroup
    let server: HTTPServer
    let url: String

    init(isSecure: Bool = false, _ body: @escaping @Sendable (Request, any Sleeper) async -> Response) throws {
        group = try EventLoopGroup(count: 1)
        server = HTTPServer(group: group, logger: .silent)
        let sleeper = LoopSleeper(group: group)
        let tls = isSecure ? try TLSContext(Self.certificate) : nil
        let endpoint = try server.listen(on: Endpoint("127.0.0.1:0")!, tls: tls, responder: Answer { await body($0, sleeper) })
        let text = "\(endpoint)"
        url = isSecure ? "https://localhost:\(text.split(separator: ":")[1])" : "http://\(text)"
    }

    static var certificate: TLSContext.Files {
        let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent().appending(
            path: "Fixtures/tls")
        return .init(certificate: folder.appending(path: "localhost.crt").path, key: folder.appending(path: "localhost.key").path)
    }

    func stop() async {
        await server.drain(deadline: .milliseconds(100))
        group.stop()
    }
}

struct Answer: Responder {
    let body: @Sendable (Request) async -> Response
    func bodyLimit(for request: Request) -> Int { 1 << 20 }
    func respond(to request: Request, in context: RequestContext) async -> Response { await body(request) }
}

final class Counter: Sendable {
    private let count = Mutex(0)
    func add() { count.withLock { $0 += 1 } }
    var value: Int { count.withLock { $0 } }
}
