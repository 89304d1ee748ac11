import Crypto
import Foundation
import HTTP
import Primitives
import Storage
import Synchronization
import Testing

@testable import OAuth

/// An authorization server without sockets: the real endpoints over a database of their own, a clock moved by hand and
/// pages that say what they were asked to show.
final class World: Sendable {
    static let issuer = "https://gate.example"
    static let verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
    static let challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"

    let settings: OAuthSettings
    let hasher = TokenHasher(pepper: Secret([UInt8](repeating: 7, count: 32)))
    let users: any UserStore
    let clients: any ClientStore
    let sessions: any SessionStore
    let transactions: any TransactionStore
    let grants: any GrantStore
    let tokens: any TokenStore
    let singleUses: SQLiteSingleUseStore
    let devices: any DeviceStore
    let consents: any ConsentStore
    let approvals: any ApprovalStore
    let keyring: Keyring
    let factors: any FactorStore
    let passkeyStore: any PasskeyStore
    let identities: any IdentityStore
    let factorSecrets = ScriptedSecrets()
    let keySets = ScriptedKeySets()
    let fetcher: ScriptedFetcher
    let throttle = ScriptedThrottle()
    let epoch = Mutex<UInt64>(0)
    private let database: Database
    private let directory: String
    private let time = Mutex(Timestamp.at(0))

    init(_ adjust: (inout OAuthSettings) -> Void = { _ in }) async throws {
        var settings = OAuthSettings(
            issuer: Self.issuer,
            resources: [ProtectedResource(url: "https://gate.example/mcp", path: "/mcp", engine: "qarnot", title: "Qarnot")])
        adjust(&settings)
        self.settings = settings
        fetcher = ScriptedFetcher()
        directory = NSTemporaryDirectory() + "oauth-" + UUID().uuidString
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        database = try Database(path: directory + "/gatehouse.db")
        users = SQLiteUserStore(database)
        clients = SQLiteClientStore(database)
        sessions = SQLiteSessionStore(database)
        transactions = SQLiteTransactionStore(database)
        grants = SQLiteGrantStore(database)
        tokens = SQLiteTokenStore(database)
        singleUses = SQLiteSingleUseStore(database)
        devices = SQLiteDeviceStore(database)
        consents = SQLiteConsentStore(database)
        approvals = SQLiteApprovalStore(database)
        factors = SQLiteFactorStore(database)
        passkeyStore = SQLitePasskeyStore(database)
        identities = SQLiteIdentityStore(database)
        keyring = Keyring(store: SQLiteSigningKeyStore(database), sealingKey: Secret([UInt8](repeating: 5, count: 32)))
        try await keyring.refresh(at: .at(0))
        try await users.insert(.ada, passwordHash: "right")
        try await clients.insert(.app)
        try await clients.insert(.confidential(.post, secret: hasher.digest(of: Self.secret)))
        try await clients.insert(.confidential(.basic, secret: hasher.digest(of: Self.secret)))
    }

    deinit { try? FileManager.default.removeItem(atPath: directory) }

    /// A well-formed client secret, the same in every world.
    static let secret: String = TokenFormat.mint(.clientSecret).exposeText()

    var now: Timestamp { time.withLock { $0 } }
    func advance(_ duration: Duration) { time.withLock { $0 = $0 + duration } }
    var clock: @Sendable () -> Timestamp { { [time = Weak(self)] in time.value?.now ?? .at(0) } }

    var resolver: ClientResolver {
        ClientResolver(store: clients, fetcher: fetcher, redirectSchemes: settings.redirectSchemes, hosts: settings.clientHosts)
    }
    var security: BrowserSecurity {
        BrowserSecurity(hasher: hasher, formKey: Secret([UInt8](repeating: 9, count: 32)), origin: settings.issuer)
    }
    var browserSessions: BrowserSessions { BrowserSessions(store: sessions, users: users, security: security) }
    var server: AuthorizationServer {
        AuthorizationServer(
            settings: settings, hasher: hasher, resolver: resolver, clients: clients, users: users, grants: grants, tokens: tokens,
            singleUses: singleUses, pushedRequests: singleUses, devices: devices, consents: consents, approvals: approvals,
            keyring: keyring,
            keySets: keySets, secretThrottle: throttle, clock: clock)
    }
    var tokenEndpoint: TokenEndpoint { TokenEndpoint(server) }
    var revocation: RevocationEndpoint { RevocationEndpoint(server) }
    var registration: RegistrationEndpoint { RegistrationEndpoint(server) }
    var resourceServer: ResourceServer { resourceServer(trusting: []) }
    func resourceServer(trusting issuers: [TrustedIssuer]) -> ResourceServer {
        ResourceServer(
            server,
            cache: TokenCache(shards: 1, epoch: { [world = Weak(self)] in world.value?.epoch.withLock { $0 } ?? 0 }),
            foreign: issuers.isEmpty ? nil : ForeignTokens(issuers: issuers, keySets: keySets, users: users))
    }
    var factor: SecondFactor {
        SecondFactor(store: factors, secrets: factorSecrets, throttle: throttle, hasher: hasher, passkeys: passkeys)
    }
    var passkeys: Passkeys? {
        Passkeys(
            store: passkeyStore, users: users, singleUses: singleUses, hasher: hasher, security: security, issuer: settings.issuer)
    }
    var signIn: SignIn {
        SignIn(
            users: users, checker: PlainChecker(), factor: factor, throttle: throttle, sessions: browserSessions,
            security: security)
    }
    var flow: AuthorizationFlow {
        AuthorizationFlow(
            server, transactions: transactions, sessions: browserSessions, checker: PlainChecker(), factor: factor,
            throttle: throttle, security: security, pages: ScriptedPages())
    }

    /// A code as consent would have issued it. Returns its text.
    func code(
        for client: Client = .app, grant name: String = "g1", scopes: String = "qarnot:execute qarnot:read",
        challenge: String = World.challenge, dpopKey: String? = nil
    ) async throws -> String {
        let code = TokenFormat.mint(.code).exposeText()
        let grant = Grant(
            id: GrantID(name), userID: User.ada.id, clientID: client.id, scopes: ScopeSet(text: scopes),
            resource: settings.resources[0].url, redirectURI: "https://app.example/cb", createdAt: now,
            endsAt: now + settings.refreshAbsolute)
        try await grants.insert(
            grant,
            code: NewCode(
                digest: hasher.digest(of: code), challenge: challenge, dpopKey: dpopKey,
                expiresAt: now + OAuthSettings.codeLifetime))
        return code
    }

    /// Redeems a code of `Client.app`; its answer must be 200.
    func tokens(grant name: String = "g1", scopes: String = "qarnot:execute qarnot:read") async throws -> (
        access: String, refresh: String
    ) {
        let answer = await token([("grant_type", "authorization_code"), ("code", try await code(grant: name, scopes: scopes))])
        return (try #require(answer.json["access_token"]?.string), try #require(answer.json["refresh_token"]?.string))
    }

    /// The world must outlive the answer, so endpoints are asked through it.
    func answer(_ request: Request, by endpoint: (World) -> any Responder) async -> Response {
        let responder = endpoint(self)
        let response = await responder.respond(to: request, in: .sample)
        return withExtendedLifetime(self) { response }
    }

    /// Posts to `/token` as `Client.app` with the right verifier, unless the parameters say otherwise.
    func token(_ parameters: [(String, String)], fields: Fields = []) async -> Response {
        let defaults = [("client_id", "app"), ("code_verifier", Self.verifier)].filter { pair in
            !parameters.contains { $0.0 == pair.0 }
        }
        return await answer(.form("/token", parameters + defaults, fields), by: \.tokenEndpoint)
    }

    func refresh(_ token: String, _ more: [(String, String)] = []) async -> Response {
        await self.token([("grant_type", "refresh_token"), ("refresh_token", token)] + more)
    }

    /// Whether an access token is accepted at the resource.
    func accepts(_ access: String) async throws -> Bool {
        try await tokens.facts(of: hasher.digest(of: access)).map { $0.isActive && ($0.expiresAt.map { now < $0 } ?? true) }
            ?? false
    }
}

/// Secrets of authenticator apps in memory.
final class ScriptedSecrets: FactorSecrets {
    private let secrets = Mutex<[UserID: Secret]>([:])

    func store(_ secret: Secret, of user: UserID, at now: Timestamp) async { secrets.withLock { $0[user] = secret } }
    func secret(of user: UserID) async -> Secret? { secrets.withLock { $0[user] } }
    func remove(of user: UserID) async { secrets.withLock { $0[user] = nil } }
}

/// Key sets by URL, as a test put them.
final class ScriptedKeySets: KeySetSource {
    private let sets = Mutex<[String: JSONValue]>([:])
    private let asked = Mutex<[String]>([])

    func put(_ set: JSONValue, at url: String) { sets.withLock { $0[url] = set } }
    var lastAsked: String? { asked.withLock { $0.last } }

    func keySet(at url: String, refreshing: Bool) async throws(MetadataFetchError) -> JSONValue {
        asked.withLock { $0.append(refreshing ? url + " again" : url) }
        guard let set = sets.withLock({ $0[url] }) else { throw MetadataFetchError(reason: "no answer", isBlocked: false) }
        return set
    }
}

/// Lets closures of a world not keep it alive.
final class Weak<Value: AnyObject & Sendable>: Sendable {
    nonisolated(unsafe) private weak var reference: Value?  // written once, in the initializer
    init(_ value: Value) { unsafe reference = value }
    var value: Value? { unsafe reference }
}

extension Timestamp {
    /// Seconds after an arbitrary origin.
    static func at(_ seconds: Int64) -> Timestamp { Timestamp(seconds: 1_700_000_000 + seconds) }
}

extension User {
    static let ada = User(id: UserID("u-ada"), name: "ada", role: .operator, isDisabled: false, createdAt: .at(0))
}

extension Client {
    static let app = Client.sample("app")

    static func sample(
        _ id: String, kind: Kind = .preregistered, redirectURIs: [String] = ["https://app.example/cb"],
        grantTypes: [String] = ["authorization_code", "refresh_token"], limit: String? = nil
    ) -> Client {
        Client(
            id: ClientID(id), kind: kind, name: "App", redirectURIs: redirectURIs, authenticationMethod: .none, secretDigest: nil,
            grantTypes: grantTypes, scopeLimit: limit.map { ScopeSet(text: $0) }, createdAt: .at(0))
    }

    /// Ids `post` and `basic`.
    static func confidential(_ method: AuthenticationMethod, secret: TokenDigest) -> Client {
        Client(
            id: ClientID(method == .post ? "post" : "basic"), kind: .preregistered, name: "Confidential",
            redirectURIs: ["https://app.example/cb"], authenticationMethod: method, secretDigest: secret,
            grantTypes: ["authorization_code", "refresh_token"], createdAt: .at(0))
    }
}

extension RequestContext {
    static let sample = RequestContext(
        requestID: RequestID("r-1"), peer: IPAddress("192.0.2.9")!, isSecure: true, loopIndex: 0,
        received: MonotonicTime(nanoseconds: 1_000_000_000))
}

extension Request {
    static func query(_ parameters: [(String, String)]) -> String {
        parameters.map { "\(PercentEncoding.encode($0.0))=\(PercentEncoding.encode($0.1))" }.joined(separator: "&")
    }

    static func get(_ path: String, _ parameters: [(String, String)] = [], _ fields: Fields = []) -> Request {
        Request(method: .get, path: path, query: parameters.isEmpty ? nil : query(parameters), fields: fields)
    }

    static func form(_ path: String, _ parameters: [(String, String)], _ fields: Fields = []) -> Request {
        var fields = fields
        fields.append(.contentType, "application/x-www-form-urlencoded")
        return Request(method: .post, path: path, fields: fields, body: Array(query(parameters).utf8))
    }

    static func json(_ path: String, _ body: String) -> Request {
        Request(method: .post, path: path, fields: [(.contentType, "application/json")], body: Array(body.utf8))
    }
}

extension Response {
    var text: String {
        guard case .bytes(let bytes) = body else { return "" }
        return String(decoding: bytes, as: UTF8.self)
    }
    /// The JSON body; `null` when there is none.
    var json: JSONValue {
        guard case .bytes(let bytes) = body else { return .null }
        return (try? JSONValue(parsing: bytes)) ?? .null
    }
    var error: String? { json["error"]?.string }
    var isUncached: Bool { fields[.cacheControl] == "no-store" }
    func event(_ name: String) -> Event? { events.first { $0.name == name } }
}

/// Documents by URL; anything else is an error.
final class ScriptedFetcher: ClientMetadataFetcher {
    private let state = Mutex<(documents: [String: String], maxAge: Int?, isBlocked: Bool, fetches: Int)>(([:], nil, false, 0))

    var fetches: Int { state.withLock { $0.fetches } }
    func serve(_ document: String?, at url: String, maxAge: Int? = nil, isBlocked: Bool = false) {
        state.withLock { state in
            state.documents[url] = document
            state.maxAge = maxAge
            state.isBlocked = isBlocked
        }
    }

    func fetch(_ url: String) async throws(MetadataFetchError) -> (body: [UInt8], maxAge: Int?) {
        let answer = state.withLock { state in
            state.fetches += 1
            return (state.documents[url], state.maxAge, state.isBlocked)
        }
        guard let text = answer.0 else { throw MetadataFetchError(reason: "answer is not 200", isBlocked: answer.2) }
        return (Array(text.utf8), answer.1)
    }
}

/// The password is the hash.
struct PlainChecker: PasswordChecker {
    func matches(_ password: Secret, hash: String?) async throws -> Bool { password.exposeText() == hash }
    func rehash(_ password: Secret, replacing hash: String) async throws -> String? { nil }
}

final class ScriptedThrottle: LoginThrottle {
    private let state = Mutex<(delay: Duration?, failures: Int, devices: [String?])>((nil, 0, []))

    var failures: Int { state.withLock { $0.failures } }
    func hold(for delay: Duration?) { state.withLock { $0.delay = delay } }
    func delay(_ attempt: LoginAttempt) -> Duration? {
        state.withLock { state in
            state.devices.append(attempt.device)
            return state.delay
        }
    }
    func failed(_ attempt: LoginAttempt) async -> Event? {
        state.withLock { $0.failures += 1 }
        return nil
    }
    func succeeded(_ attempt: LoginAttempt) async { state.withLock { $0.failures = 0 } }
    /// What the last attempt's browser was known by.
    var lastDevice: String? { state.withLock { $0.devices.last ?? nil } }
}

/// Says as JSON what a page would show.
struct ScriptedPages: FlowPages {
    func login(_ page: LoginPage) -> Response {
        .json(
            [
                "page": "login", "transaction": .string(page.transactionID), "token": .string(page.token),
                "username": .string(page.username), "notice": .string(page.notice ?? ""),
                "challenge": .string(orNull: page.passkey?.challenge), "ticket": .string(orNull: page.passkey?.ticket),
            ], status: page.status)
    }

    func secondFactor(_ page: SecondFactorPage) -> Response {
        .json(
            [
                "page": "second factor", "transaction": .string(page.transactionID), "token": .string(page.token),
                "account": .string(page.account), "passed": .string(page.passed), "notice": .string(page.notice ?? ""),
                "app": .bool(page.hasApp), "challenge": .string(orNull: page.passkey?.challenge),
                "ticket": .string(orNull: page.passkey?.ticket), "credentials": .strings(page.passkey?.credentials ?? []),
            ], status: page.status)
    }

    func consent(_ page: ConsentPage) -> Response {
        .json([
            "page": "consent", "transaction": .string(page.transactionID), "token": .string(page.token),
            "scopes": .string(page.scopes.description), "redirect_host": .string(page.redirectHost),
            "client_host": .string(page.clientHost ?? ""), "loopback": .bool(page.isLoopbackOnly),
            "notice": .string(page.notice ?? ""),
        ])
    }

    func waiting(_ page: WaitingPage) -> Response {
        .json(["page": "waiting", "transaction": .string(page.transactionID), "host": .string(page.redirectHost)])
    }

    func refusal(_ page: RefusalPage) -> Response {
        .json(["page": "refusal", "text": .string(page.text)], status: page.status)
    }

    func handOff(to url: String, host: String) -> Response {
        .json(["page": "handoff", "url": .string(url), "host": .string(host)])
    }

    func errorHandOff(to url: String, host: String, isAutomatic: Bool) -> Response {
        .json(["page": "error", "url": .string(url), "host": .string(host), "automatic": .bool(isAutomatic)])
    }
}
