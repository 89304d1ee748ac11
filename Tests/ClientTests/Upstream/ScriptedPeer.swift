import Client
import HTTP
import Primitives
import Synchronization
import Transport

/// A server that answers with exactly the bytes it is told to, one script a connection, one step a request.
final class ScriptedPeer: Sendable {
    /// What to do once a request has come.
    enum Step: Sendable {
        /// Pieces, each in a write of its own.
        case answer([String])
        /// The pieces, then the end of the connection.
        case answerAndClose([String])
        /// Nothing for as long as the client waits.
        case silence
    }

    let endpoint: Endpoint
    let group: EventLoopGroup
    private let seen = Mutex<[String]>([])
    private let open = Mutex<LoopBound<Listener>?>(nil)

    /// Every request as it came, in order.
    var requests: [String] { seen.withLock { $0 } }

    init(_ scripts: [[Step]]) throws {
        group = try EventLoopGroup(count: 2)
        let listening = try ListeningSocket(Endpoint("127.0.0.1:0")!)
        endpoint = listening.endpoint
        let loop = group.loops[0]
        let context = group.contexts[0]
        // Ends with the group.
        Task(executorPreference: loop) { [self] in await serve(listening, scripts, loop, context) }
    }

    func stop() {
        if let listener = open.withLock({ $0 }) { group.loops[0].perform { listener.value.close() } }
        group.stop()
    }

    private func serve(_ listening: ListeningSocket, _ scripts: [[Step]], _ loop: EventLoop, _ context: isolated LoopContext) async
    {
        guard let listener = try? Listener(listening, on: loop) else { return }
        let bound = LoopBound(listener, on: loop)
        open.withLock { $0 = bound }
        for script in scripts {
            guard let accepted = try? await listener.accept(), let stream = try? Stream(accepted, on: loop, tls: nil) else {
                return
            }
            let bound = LoopBound(stream, on: loop)
            Task(executorPreference: loop) { [self] in await play(script, bound, context) }
        }
        while (try? await listener.accept()) != nil {}
    }

    private func play(_ script: [Step], _ bound: LoopBound<Stream>, _ context: isolated LoopContext) async {
        let stream = bound.value
        var input = ByteBuffer(capacity: 4096)
        let deadline = MonotonicTime.now() + .seconds(120)
        do throws(SocketError) {
            for step in script {
                var text = ""
                while !isWhole(text) {
                    guard try await stream.read(into: &input, room: 4096, deadline: deadline) > 0 else { return }
                    text += input.withBytes { bytes in String(decoding: (0..<bytes.count).map { bytes[$0] }, as: UTF8.self) }
                    input.removeAll()
                }
                seen.withLock { $0.append(text) }
                switch step {
                case .silence: _ = try await stream.read(into: &input, room: 64, deadline: deadline)
                case .answer(let pieces): try await write(pieces, stream, deadline)
                case .answerAndClose(let pieces):
                    try await write(pieces, stream, deadline)
                    stream.close()
                    return
                }
            }
            _ = try await stream.read(into: &input, room: 64, deadline: deadline)
        } catch {}
        stream.close()
    }

    private func write(_ pieces: [String], _ stream: Stream, _ deadline: MonotonicTime) async throws(SocketError) {
        for piece in pieces {
            var output = ByteBuffer(capacity: piece.utf8.count)
            output.append(Array(piece.utf8))
            try await stream.write(&output, deadline: deadline)
            await Task.yield()
        }
    }

    private func isWhole(_ text: String) -> Bool {
        guard let end = text.range(of: "\r\n\r\n") else { return false }
        let length = text.range(of: "content-length: ").flatMap { Int(text[$0.upperBound...].prefix { $0.isNumber }) } ?? 0
        return text[end.upperBound...].utf8.count >= length
    }
}

extension String {
    fileprivate func range(of part: String) -> Range<String.Index>? { firstRange(of: part) }
}

/// One pool on a loop of its own, called from a test.
final class PoolFixture: Sendable {
    let group: EventLoopGroup
    let client: UpstreamClient

    init(_ url: String, authorities: String? = nil) throws {
        group = try EventLoopGroup(count: 1)
        let origin = UpstreamOrigin(URLReference(url)!, tls: try TLSClientContext(authorities: authorities))!
        // No clock decides a test.
        var patience = UpstreamPatience()
        (patience.idle, patience.fresh) = (.seconds(3600), .seconds(3600))
        client = UpstreamClient(origin, resolver: Localhost(), group: group, patience: patience)
    }

    func stop() { group.stop() }

    struct Answer: Sendable, Equatable {
        var status: Int
        var body: String
    }

    /// Sends a request and reads the whole answer.
    func send(
        _ request: UpstreamRequest, limit: Int = 1 << 20, cancellation: UpstreamCancellation = UpstreamCancellation()
    ) async -> Result<Answer, ClientError> {
        await Task(executorPreference: group.loops[0]) { [client] () -> Result<Answer, ClientError> in
            do throws(ClientError) {
                let exchange = try await client.pool.send(request, cancellation: cancellation)
                let body = try await exchange.whole(limit: limit, deadline: .now() + request.timeout)
                return .success(Answer(status: exchange.status, body: String(decoding: body, as: UTF8.self)))
            } catch {
                return .failure(error)
            }
        }.value
    }

    /// Sends a request and counts the pieces of the answer.
    func pieces(_ request: UpstreamRequest) async -> [String] {
        await Task(executorPreference: group.loops[0]) { [client] in
            var out: [String] = []
            guard let exchange = try? await client.pool.send(request, cancellation: UpstreamCancellation()) else { return out }
            while let piece = try? await exchange.next(limit: 1 << 20, deadline: .now() + .seconds(5)) {
                out.append(String(decoding: piece, as: UTF8.self))
            }
            return out
        }.value
    }
}

struct Localhost: HostResolver {
    func addresses(of host: String) async throws(GuardError) -> [IPAddress] {
        guard host == "localhost" else { throw GuardError("unknown") }
        return [IPAddress("127.0.0.1")!]
    }
}
