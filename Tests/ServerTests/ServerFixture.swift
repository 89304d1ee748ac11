import Foundation
import HTTP
import Logging
import Primitives
import Server
import Transport

/// A running server on a port the system chose, and what a test needs to talk to it.
struct ServerFixture {
    let group: EventLoopGroup
    let server: HTTPServer
    let endpoint: Endpoint
    let tls: TLSContext?

    init(
        _ responder: any Responder, loops: Int = 1, isSecure: Bool = false, files: TLSContext.Files? = nil,
        tls: TLSContext? = nil, configuration: ServerConfiguration = .patient, speaksProxy: Bool = false
    ) throws {
        group = try EventLoopGroup(count: loops)
        server = HTTPServer(group: group, logger: .silent)
        let files = files ?? (isSecure ? Self.certificate("localhost") : nil)
        self.tls = try tls ?? files.map { try TLSContext($0) }
        endpoint = try server.listen(
            on: Endpoint("127.0.0.1:0")!, tls: self.tls, responder: responder, configuration: configuration,
            speaksProxy: speaksProxy)
    }

    static func certificate(_ name: String) -> TLSContext.Files {
        let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .appending(path: "Fixtures/tls")
        return .init(
            certificate: folder.appending(path: "\(name).crt").path, key: folder.appending(path: "\(name).key").path)
    }

    func stop() async {
        await server.drain(deadline: .milliseconds(500))
        group.stop()
    }

    /// Runs curl against the server and returns what it printed.
    func curl(_ arguments: String..., path: String = "/") async throws -> (status: Int32, output: String) {
        try await curl(arguments, path: path)
    }

    func curl(_ arguments: [String], path: String = "/") async throws -> (status: Int32, output: String) {
        let url = "\(tls == nil ? "http" : "https")://\(endpoint)\(path)"
        return try await run("/usr/bin/curl", ["-sS", "--max-time", "10"] + arguments + [url])
    }

    /// What `openssl s_client` says of a handshake.
    func openssl(_ arguments: String...) async throws -> String {
        try await run("/usr/bin/openssl", ["s_client", "-connect", "\(endpoint)"] + arguments).output
    }

    /// The same, with a request sent within: in TLS 1.3 a ticket comes after the handshake.
    func request(_ arguments: String...) async throws -> String {
        let words = arguments.map { "'\($0)'" }.joined(separator: " ")
        let ask = "printf 'GET / HTTP/1.1\\r\\nHost: localhost\\r\\nConnection: close\\r\\n\\r\\n'"
        let command = "\(ask) | /usr/bin/openssl s_client -ign_eof -connect \(endpoint) \(words)"
        return try await run("/bin/sh", ["-c", command]).output
    }

    private func run(_ path: String, _ arguments: [String]) async throws -> (status: Int32, output: String) {
        try await pool.run { try Self.runAndWait(path, arguments) }
    }

    private static func runAndWait(_ path: String, _ arguments: [String]) throws -> (status: Int32, output: String) {
        // Not Foundation's Process: it reads beyond the end of a directory entry and now and then dies of it.
        let line = ([path] + arguments).map { "'" + $0.replacing("'", with: "'\\''") + "'" }.joined(separator: " ")
        guard let stream = unsafe popen(line + " 2>&1 </dev/null", "r") else { throw POSIXError(.EAGAIN) }
        var output: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 65_536)
        while case let count = unsafe fread(&piece, 1, piece.count, stream), count > 0 { output += piece[..<count] }
        let status = unsafe pclose(stream)
        return (status & 0x7F == 0 ? status >> 8 : -1, String(decoding: output, as: UTF8.self))
    }

    /// Sends a body that does not fit an argument list and returns the answer's.
    func upload(_ text: String) async throws -> String {
        let file = FileManager.default.temporaryDirectory.appending(path: "gatehouse-\(UUID().uuidString)")
        try Data(text.utf8).write(to: file)
        defer { try? FileManager.default.removeItem(at: file) }
        return try await curl("-k", "--data-binary", "@" + file.path).output
    }

    /// Opens a plain connection.
    func connect() throws -> RawClient { try RawClient(endpoint) }
}

/// A path nobody uses yet.
func temporaryFile() -> String { FileManager.default.temporaryDirectory.appending(path: "gatehouse-\(UUID().uuidString)").path }

/// For the blocking calls of clients, so that they hold no thread of the test runner.
let pool = BlockingPool(threads: 8, queueLimit: 1024)

/// A responder from a closure.
struct Answer: Responder {
    var limit = 1 << 20
    let body: @Sendable (Request, RequestContext) async -> Response

    init(limit: Int = 1 << 20, _ body: @escaping @Sendable (Request, RequestContext) async -> Response) {
        self.limit = limit
        self.body = body
    }

    func bodyLimit(for request: Request) -> Int { limit }
    func respond(to request: Request, in context: RequestContext) async -> Response { await body(request, context) }
}

extension ServerConfiguration {
    /// With time for whatever a test is not about: on a busy machine a client's next step may come many seconds later.
    static var patient: ServerConfiguration {
        var configuration = ServerConfiguration()
        (configuration.handshakeTimeout, configuration.headerTimeout) = (.seconds(120), .seconds(120))
        (configuration.bodyIdleTimeout, configuration.idleTimeout, configuration.writeTimeout) = (
            .seconds(120), .seconds(120), .seconds(120)
        )
        return configuration
    }
}
