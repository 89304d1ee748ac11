import Glibc
import HTTP
import Logging
import Primitives
import Server
import Transport

/// The static answer every comparison with another server uses: 330 bytes of JSON.
struct StaticAnswer: Responder {
    let response: Response

    init() {
        let body = "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"content\":[{\"type\":\"text\",\"text\":\""
        let end = "\"}],\"isError\":false}}"
        let filler = String(repeating: "x", count: 330 - body.utf8.count - end.utf8.count)
        response = Response(
            .ok, fields: [(.contentType, "application/json")], body: .bytes(Array((body + filler + end).utf8)))
    }

    func bodyLimit(for request: Request) -> Int { 1 << 20 }
    func respond(to request: Request, in context: RequestContext) async -> Response { response }
}

/// `edge-server PORT CERTIFICATE KEY [LOOPS]`: serves the static answer over TLS until SIGTERM. The main thread waits in the
/// kernel, so that only the loops' threads exist: the global pool would count against us and confuse callgrind.
/// `edge-server --tools PORT` is a plain MCP server instead, to stand behind whatever is compared.
enum EdgeServer {
    static func run() {
        let arguments = CommandLine.arguments
        if arguments.count == 3, arguments[1] == "--tools", let endpoint = Endpoint("127.0.0.1:" + arguments[2]) {
            return serveTools(endpoint)
        }
        guard arguments.count >= 4, let endpoint = Endpoint("127.0.0.1:" + arguments[1]) else { exit(64) }
        do {
            let group = try EventLoopGroup(count: arguments.count > 4 ? Int(arguments[4]) ?? 1 : 1)
            let server = HTTPServer(group: group, logger: Logger(level: .notice, format: .text))
            let tls = try TLSContext(.init(certificate: arguments[2], key: arguments[3]))
            var router = Router()
            router.on(.all, "/", StaticAnswer())
            try server.listen(on: endpoint, tls: tls, responder: router)
            Task(executorPreference: group.loops[0]) {
                let signals = try await SignalWatcher.install(on: group.loops[0])
                _ = await signals.next()
                await server.drain(deadline: .seconds(2))
                exit(0)
            }
        } catch {
            print("edge-server: \(error)")
            exit(1)
        }
        while true { pause() }
    }

    private static func serveTools(_ endpoint: Endpoint) {
        do {
            let group = try EventLoopGroup(count: 1)
            var configuration = ServerConfiguration()
            configuration.idleTimeout = .seconds(600)
            try HTTPServer(group: group, logger: Logger(level: .notice, format: .text)).listen(
                on: endpoint, tls: nil, responder: ToolUpstream(), configuration: configuration)
        } catch {
            print("edge-server: \(error)")
            exit(1)
        }
        while true { pause() }
    }
}
