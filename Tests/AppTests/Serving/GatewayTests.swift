import Audit
import Client
import Foundation
import HTTP
import Logging
import OAuth
import Policy
import Primitives
import Storage
import Testing
import Transport
import Vault

@testable import App

/// The whole gateway over an installation in a folder of its own, without a socket.
private final class GatewayFixture: Sendable {
    let workspace: Workspace
    private let composition: Composition
    private let folder: URL
    static let password = "a long enough sentence"

    init(_ extra: String = "") async throws {
        folder = FileManager.default.temporaryDirectory.appending(path: "gateway-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let key = folder.appending(path: "root.key").path
        _ = try RootKey.create(at: key)
        let text = """
            server: { public_url: "https://gate.example.com", tls: { certificate: /c, key: /k } }
            storage: { url: "sqlite://\(folder.path)/g.db" }
            vault: { root_key: "file:\(key)" }
            audit: { path: "\(folder.path)/audit" }
            login: { argon2: { memory_kib: 19456, passes: 2 } }

            """
        let configuration = try ConfigurationLoader(environment: [:]).load([text, extra])
        workspace = try await Workspace.open(configuration, node: "test")
        composition = try Composition(SharedParts(workspace, group: EventLoopGroup(count: 1), logger: .silent))
    }

    /// Ends what the gateway runs on; the fixture is of no use afterwards.
    func stop() async {
        composition.shared.client.stop()
        composition.shared.watcher.stop()
        await workspace.close()
        composition.shared.group.stop()
        try? FileManager.default.removeItem(at: folder)
    }

    func send(_ request: Request, from address: String = "192.0.2.1") async -> Response {
        var request = request
        if !request.fields.contains(.host) { request.fields.append(.host, "gate.example.com") }
        return await composition.gateway.respond(to: request, in: .from(address, at: 1_000_000_000))
    }

    func addUser() async throws -> User {
        try await UserCommands.create("ada", .operator, Secret(Self.password), in: workspace)
    }

    /// Signs in at `/login` and returns the cookies of the browser and the form token of `/account`.
    func signIn() async throws -> (cookies: String, token: String) {
        let page = await send(.get("/login"))
        let browser = Self.cookie(page)
        let form = "username=ada&password=\(Self.password.replacing(" ", with: "+"))&token=\(try Self.token(page))"
        let answer = await send(Self.post("/login", form, cookies: browser))
        let cookies = browser + "; " + Self.cookie(answer)
        return (cookies, try Self.token(await send(.get("/account", [(.cookie, cookies)]))))
    }

    static func post(_ path: String, _ form: String, cookies: String) -> Request {
        .make(
            .post, path,
            [(.contentType, "application/x-www-form-urlencoded"), (.origin, "https://gate.example.com"), (.cookie, cookies)],
            body: form)
    }

    static func cookie(_ response: Response) -> String {
        response.fields.all(.setCookie).compactMap { $0.split(separator: ";").first.map(String.init) }.joined(separator: "; ")
    }

    static func text(_ response: Response) -> String {
        guard case .bytes(let bytes) = response.body else { return "" }
        return String(decoding: bytes, as: UTF8.self)
    }

    private static func token(_ page: Response) throws -> String {
        String(try #require(text(page).firstMatch(of: /name="token" value="([^"]+)"/)).1)
    }

    func events() throws -> [String] {
        try AuditReader(folder: folder.appending(path: "audit").path).tail(100).compactMap { $0.record["event"]?.string }
    }
}

@Suite struct GatewayTests {
    @Test func `a strange host is refused with one request id, and recorded (RS-1, COM-7)`() async throws {
        let fixture = try await GatewayFixture()
        let response = await fixture.send(.get("/", [(.host, "evil.example")]))
        #expect(response.status == .misdirectedRequest)
        #expect(response.fields.all(.xRequestID) == ["req-1"])
        #expect(try fixture.events() == ["http.malformed"])
        await fixture.stop()
    }

    @Test(arguments: ["/token", "/mcp", "/.well-known/oauth-authorization-server", "/jwks.json", "/tools"])
    func `a page of another origin can read why it was refused (COM-8)`(_ path: String) async throws {
        let fixture = try await GatewayFixture()
        let readable = FieldName("access-control-allow-origin")
        let strange = await fixture.send(.get(path, [(.host, "evil.example"), (.origin, "https://page.example")]))
        #expect(strange.status == .misdirectedRequest && strange.fields.all(readable) == ["*"])
        let page = await fixture.send(.get("/login", [(.host, "evil.example"), (.origin, "https://page.example")]))
        #expect(page.status == .misdirectedRequest && !page.fields.contains(readable))
        await fixture.stop()
    }

    @Test(arguments: [
        ("/", HTTP.Method.post, UInt16(405)), ("/nothing", .get, 404), ("/.well-known/nothing", .get, 404), ("/token", .get, 405),
        ("/revoke", .get, 405), ("/register", .get, 405), ("/consent", .delete, 405), ("/login", .delete, 405),
        ("/account", .get, 303),
        ("/mcp", .get, 401), ("/mcp/", .post, 401), ("/health", .get, 200), ("/health", .post, 405), ("/", .get, 200),
        ("/authorize", .get, 400),
        ("/.well-known/oauth-authorization-server", .get, 200), ("/.well-known/oauth-protected-resource/mcp", .get, 200),
    ])
    func `each route answers as its table says, errors with a request id (contract §3, COM-7)`(
        _ path: String, _ method: HTTP.Method, _ status: UInt16
    ) async throws {
        let fixture = try await GatewayFixture()
        let response = await fixture.send(.make(method, path))
        #expect(response.status.code == status)
        if status == 405 { #expect(response.fields.contains(.allow)) }
        if status >= 400 { #expect(response.fields.all(.xRequestID) == ["req-1"]) }
        await fixture.stop()
    }

    @Test func `a page of a strange origin may not call, one of ours may look`() async throws {
        let fixture = try await GatewayFixture()
        let strange = await fixture.send(.make(.post, "/mcp", [(.origin, "https://evil.example")]))
        #expect(strange.status == .forbidden)
        let preflight = await fixture.send(.make(.options, "/mcp", [(.origin, "https://claude.ai")]))
        #expect(preflight.status == .noContent)
        let known = await fixture.send(.make(.post, "/mcp", [(.origin, "https://claude.ai")]))
        #expect(known.status == .unauthorized && known.fields.contains(.wwwAuthenticate))
        #expect(known.fields.single(FieldName("access-control-expose-headers"))?.contains("WWW-Authenticate") == true)
        await fixture.stop()
    }

    @Test func `a preflight is answered before anything is judged (mcp.md §2)`() async throws {
        let fixture = try await GatewayFixture()
        let response = await fixture.send(.make(.options, "/mcp", [(.origin, "https://evil.example")]))
        #expect(response.status == .noContent)
        #expect(try fixture.events().isEmpty)
        await fixture.stop()
    }

    @Test func `no page of the flow lets other origins read it (COM-8)`() async throws {
        let fixture = try await GatewayFixture()
        for path in ["/authorize", "/login", "/consent", "/account"] {
            let response = await fixture.send(.get(path, [(.origin, "https://claude.ai")]))
            #expect(!response.fields.contains(FieldName("access-control-allow-origin")))
        }
        await fixture.stop()
    }

    @Test(arguments: [
        ("/mcp", "\"jsonrpc\""), ("/token", "temporarily_unavailable"), ("/login", "<!doctype html>"), ("/", "quota-exceeded"),
    ])
    func `a limit is told in the words of its route, with the wait (RL-5)`(_ path: String, _ words: String) async throws {
        let fixture = try await GatewayFixture("limits: { address: { rate: 1, window: 1m, burst: 1 } }")
        _ = await fixture.send(.get("/nothing"))
        let response = await fixture.send(.get(path))
        #expect(response.status == .tooManyRequests && response.fields.single(.retryAfter) == "60")
        #expect(GatewayFixture.text(response).contains(words))
        #expect(try fixture.events() == ["ratelimit.exceeded"])
        await fixture.stop()
    }

    @Test func `answers 401 are charged to their address (RL-2)`() async throws {
        let fixture = try await GatewayFixture("limits: { endpoints: { unauthenticated: { rate: 1, window: 1m, burst: 2 } } }")
        var statuses: [UInt16] = []
        for _ in 0..<3 { statuses.append(await fixture.send(.make(.post, "/mcp")).status.code) }
        #expect(statuses == [401, 401, 429])
        #expect(await fixture.send(.make(.post, "/mcp"), from: "192.0.2.2").status == .unauthorized)
        await fixture.stop()
    }

    @Test func `a person stores and removes a key at the account page, each on record`() async throws {
        let fixture = try await GatewayFixture()
        let user = try await fixture.addUser()
        let (cookies, token) = try await fixture.signIn()
        let stored = await fixture.send(
            GatewayFixture.post("/account", "token=\(token)&engine=qarnot&action=set-key&key=secret-key-1", cookies: cookies))
        #expect(stored.status == .ok && !GatewayFixture.text(stored).contains("secret-key-1"))
        #expect(try await fixture.workspace.vault.key(user: user.id, engine: "qarnot")?.exposeText() == "secret-key-1")
        for _ in 0..<2 {
            _ = await fixture.send(
                GatewayFixture.post("/account", "token=\(token)&engine=qarnot&action=remove-key", cookies: cookies))
        }
        #expect(try await fixture.workspace.vault.status(user: user.id).isEmpty)
        #expect(try fixture.events() == ["user.created", "auth.login", "vault.key.stored", "vault.key.removed"])
        await fixture.stop()
    }

    @Test func `without an audit log no key is changed at the account page (AUD-3)`() async throws {
        let fixture = try await GatewayFixture()
        let user = try await fixture.addUser()
        let (cookies, token) = try await fixture.signIn()
        await fixture.workspace.audit.close()
        let response = await fixture.send(
            GatewayFixture.post("/account", "token=\(token)&engine=qarnot&action=set-key&key=secret-key-1", cookies: cookies))
        #expect(response.status == .serviceUnavailable)
        #expect(try await fixture.workspace.vault.status(user: user.id).isEmpty)
        await fixture.stop()
    }

    @Test func `a form of another site changes nothing at the account page (WEB-4)`() async throws {
        let fixture = try await GatewayFixture()
        let user = try await fixture.addUser()
        let (cookies, token) = try await fixture.signIn()
        var request = GatewayFixture.post(
            "/account", "token=\(token)&engine=qarnot&action=set-key&key=secret-key-1", cookies: cookies)
        request.fields.set(.origin, "https://evil.example")
        #expect(await fixture.send(request).status == .forbidden)
        request = GatewayFixture.post(
            "/account", "token=x\(token.dropFirst())&engine=qarnot&action=set-key&key=secret-key-1", cookies: cookies)
        #expect(await fixture.send(request).status == .forbidden)
        #expect(try await fixture.workspace.vault.status(user: user.id).isEmpty)
        await fixture.stop()
    }

    @Test func `an answer whose record cannot be written is withheld (COM-11)`() async throws {
        let fixture = try await GatewayFixture()
        await fixture.workspace.audit.close()
        let response = await fixture.send(.get("/", [(.host, "evil.example")]))
        #expect(response.status == .serviceUnavailable && response.fields.contains(.retryAfter))
        await fixture.stop()
    }
}
