import Client
import Crypto
import Foundation
import HTTP
import Logging
import Primitives
import Server
import Synchronization
import Transport

/// A TLS server on loopback under a public name, and a guarded fetcher whose rules allow loopback and nothing else.
struct GuardFixture {
    static let host = "client.example"

    let group: EventLoopGroup
    let server: HTTPServer
    let client: HTTPClient
    let resolver: ScriptedResolver
    let fetcher: GuardedFetcher
    let port: Int
    private let folder: URL

    init(
        names: [SubjectName] = [.host(host)], answers: [[String]] = [["127.0.0.1"]],
        limiter: FetchLimiter = FetchLimiter(perMinute: 600, burst: 100),
        adjust: (inout GuardedFetcher.Rules) -> Void = { _ in }, _ answer: @escaping @Sendable (Request) async -> Response
    ) throws {
        folder = FileManager.default.temporaryDirectory.appending(path: "gatehouse-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: false)
        let authority = try CertificateAuthority.make(named: "Guard tests", permitted: [])
        let leaf = try authority.issue(for: names)
        let (ca, certificate, key) = (folder.appending(path: "ca"), folder.appending(path: "crt"), folder.appending(path: "key"))
        try Data(authority.identity.certificate.utf8).write(to: ca)
        try Data(leaf.certificate.utf8).write(to: certificate)
        try leaf.key.expose { try Data($0).write(to: key) }

        group = try EventLoopGroup(count: 1)
        server = HTTPServer(group: group, logger: .silent)
        let endpoint = try server.listen(
            on: Endpoint("127.0.0.1:0")!, tls: TLSContext(.init(certificate: certificate.path, key: key.path)),
            responder: DocumentServer(body: answer))
        port = Int(endpoint.port)

        var settings = HTTPClient.Settings()
        settings.caFile = ca.path
        client = HTTPClient(settings)
        resolver = ScriptedResolver(answers)
        var rules = GuardedFetcher.Rules()
        rules.port = port
        rules.isForbidden = { $0.bytes[0] != 127 }
        rules.interfaces = { [] }
        rules.timeBucket = .milliseconds(1)
        adjust(&rules)
        fetcher = GuardedFetcher(
            client: client, resolver: resolver, limiter: limiter, sleeper: LoopSleeper(group: group), rules: rules)
    }

    func url(_ path: String = "/document", host: String = host) -> String { "https://\(host):\(port)\(path)" }

    /// The error of a fetch that must fail; nil when it succeeded.
    func refusal(_ url: String? = nil) async -> GuardError? {
        do throws(GuardError) {
            _ = try await fetcher.fetch(url ?? self.url())
            return nil
        } catch { return error }
    }

    func stop() async {
        client.stop()
        await server.drain(deadline: .milliseconds(200))
        group.stop()
        try? FileManager.default.removeItem(at: folder)
    }
}

/// Answers each lookup with the next list of addresses, the last one for ever, and counts the lookups.
final class ScriptedResolver: HostResolver {
    private let state: Mutex<(answers: [[IPAddress]], hosts: [String])>

    init(_ answers: [[String]]) { state = Mutex((answers.map { $0.compactMap { IPAddress($0) } }, [])) }

    var hosts: [String] { state.withLock { $0.hosts } }

    func addresses(of host: String) async throws(GuardError) -> [IPAddress] {
        state.withLock { state in
            state.hosts.append(host)
            return state.answers.count > 1 ? state.answers.removeFirst() : state.answers.first ?? []
        }
    }
}

private struct DocumentServer: Responder {
    let body: @Sendable (Request) async -> Response
    func bodyLimit(for request: Request) -> Int { 0 }
    func respond(to request: Request, in context: RequestContext) async -> Response { await body(request) }
}

/// Sleeps until released by hand.
final class ManualSleeper: Sleeper {
    private let waiting = Mutex<[(Duration, CheckedContinuation<Void, Never>)]>([])

    func sleep(for duration: Duration) async throws(CancellationError) {
        await withCheckedContinuation { continuation in waiting.withLock { $0.append((duration, continuation)) } }
    }

    /// Ends every sleep so far; true when there was one.
    func release() -> Bool {
        let ended = waiting.withLock { waiting in
            defer { waiting = [] }
            return waiting
        }
        for (_, continuation) in ended { continuation.resume() }
        return !ended.isEmpty
    }
}

/// Something that opens once.
final class Gate: Sendable {
    private let state = Mutex<(isOpen: Bool, waiters: [CheckedContinuation<Void, Never>])>((false, []))

    var waiters: Int { state.withLock { $0.waiters.count } }

    func wait() async {
        await withCheckedContinuation { continuation in
            let isOpen = state.withLock { state in
                if !state.isOpen { state.waiters.append(continuation) }
                return state.isOpen
            }
            if isOpen { continuation.resume() }
        }
    }

    func open() {
        let waiters = state.withLock { state in
            state.isOpen = true
            defer { state.waiters = [] }
            return state.waiters
        }
        for waiter in waiters { waiter.resume() }
    }
}
