internal import Crypto
internal import Glibc
internal import HTTP
internal import Logging
internal import MCP
internal import Primitives
internal import Server
internal import Transport

/// `mcp-everything --listen 127.0.0.1:PORT`: serves the fixture until it is told to stop (contract §8).
package enum EverythingCommand {
    private static let usage = """
        Usage: mcp-everything [--listen 127.0.0.1:PORT]
        Serves every feature of MCP at http://127.0.0.1:PORT/mcp, without authentication, on loopback only.

        """

    /// - Parameter words: the command line, the program's name first.
    /// - Returns: the exit code of contract §6.
    package static func run(_ words: [String]) async -> Int32 {
        var listen = "127.0.0.1:3001"
        var rest = words.dropFirst()
        while let word = rest.popFirst() {
            switch word {
            case "--help", "-h":
                say(usage, on: STDOUT_FILENO)
                return 0
            case "--listen":
                guard let value = rest.popFirst() else { return fail(64, "--listen needs an address such as 127.0.0.1:3001.") }
                listen = value
            default: return fail(64, "\(word) is not known here. Try --help.")
            }
        }
        guard let endpoint = Endpoint(listen), endpoint.address.isLoopback else {
            return fail(64, "\(listen) is no loopback address and port such as 127.0.0.1:3001: there is no authentication.")
        }
        do { return try await serve(endpoint) } catch { return fail(69, "Cannot listen on \(listen): \(error).") }
    }

    private static func serve(_ endpoint: Endpoint) async throws -> Int32 {
        let group = try EventLoopGroup(count: 1)
        let sleeper = LoopSleeper(group: group)
        let streams = StreamHub(sleeper: sleeper)
        let continuity = Continuity(
            handles: HandleSealer(cipher: SealingKeys(Secret(Random.bytes(32)))), instance: Random.text(12))
        let site = LoopbackSite(
            endpoint: try Fixture().makeEndpoint(sleeper: sleeper, streams: streams, continuity: continuity))
        let logger = Logger(level: .warning, format: .text)
        let server = HTTPServer(group: group, logger: logger)
        let signals = try await SignalWatcher.install(on: group.loops[0])
        let bound = try server.listen(on: endpoint, tls: nil, responder: site)
        say("Serving http://\(bound)/mcp\n", on: STDOUT_FILENO)
        while let signal = await signals.next(), signal != .terminate {}
        streams.closeQuietStreams()
        await server.drain(deadline: .seconds(2), lastCall: { streams.endCalls() })
        return 0
    }

    private static func fail(_ code: Int32, _ text: String) -> Int32 {
        say("mcp-everything: \(text)\n", on: STDERR_FILENO)
        return code
    }

    private static func say(_ text: String, on descriptor: Int32) {
        let bytes = Array(text.utf8)
        _ = unsafe write(descriptor, bytes, bytes.count)
    }
}

extension SealingKeys: HandleCipher {}
