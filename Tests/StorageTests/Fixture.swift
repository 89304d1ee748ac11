import Foundation
import OAuth
import Primitives
import Testing

@testable import Storage

/// A database in a directory of its own, with one user and one client.
final class Fixture: Sendable {
    let directory: String
    let database: Database
    let users: SQLiteUserStore
    let clients: SQLiteClientStore
    let sessions: SQLiteSessionStore
    let transactions: SQLiteTransactionStore
    let grants: SQLiteGrantStore
    let tokens: SQLiteTokenStore

    var path: String { directory + "/gatehouse.db" }

    init() async throws {
        directory = NSTemporaryDirectory() + "storage-" + UUID().uuidString
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        database = try Database(path: directory + "/gatehouse.db")
        users = SQLiteUserStore(database)
        clients = SQLiteClientStore(database)
        sessions = SQLiteSessionStore(database)
        transactions = SQLiteTransactionStore(database)
        grants = SQLiteGrantStore(database)
        tokens = SQLiteTokenStore(database)
        try await users.insert(.ada, passwordHash: "$argon2id$x")
        try await clients.insert(.claude)
    }

    deinit { try? FileManager.default.removeItem(atPath: directory) }

    /// A grant with a redeemed code, one access token and the first refresh token.
    @discardableResult
    func family(_ name: String = "g1", at now: Timestamp = .at(0)) async throws -> Grant {
        let grant = Grant.sample(name)
        try await grants.insert(grant, code: NewCode(digest: .of("code-" + name), challenge: "c", expiresAt: .at(60)))
        let isFirst = try await grants.redeem(
            .of("code-" + name), access: .sample("access-" + name, at: now), refresh: .sample("refresh-" + name, at: now),
            binding: false, at: now)
        #expect(isFirst)
        return grant
    }

    func refresh(_ presented: String, to successor: String, at now: Timestamp, grace: Duration = .seconds(60)) async throws
        -> RefreshOutcome
    {
        try await grants.refresh(
            .of(presented), successor: .sample(successor, at: now), sealedSuccessor: Array("sealed \(successor)".utf8),
            access: .sample("access-" + successor, at: now), grace: grace, at: now)
    }
}

extension Timestamp {
    /// Seconds after an arbitrary origin.
    static func at(_ seconds: Int64) -> Timestamp { Timestamp(seconds: 1_700_000_000 + seconds) }
}

extension TokenDigest {
    static func of(_ name: String) -> TokenDigest {
        TokenDigest(bytes: [1] + Array((name + String(repeating: "\u{0}", count: 32)).utf8.prefix(32)))
    }
}

extension User {
    static let ada = User(id: UserID("u-ada"), name: "ada", role: .operator, isDisabled: false, createdAt: .at(0))
}

extension Client {
    static let claude = Client.sample("c-claude", .preregistered)

    static func sample(_ id: String, _ kind: Kind, createdAt: Timestamp = .at(0), expiresAt: Timestamp? = nil) -> Client {
        Client(
            id: ClientID(id), kind: kind, name: "Claude", redirectURIs: ["https://claude.ai/cb", "http://localhost/\"x\""],
            authenticationMethod: .post, secretDigest: .of("secret"), grantTypes: ["authorization_code", "refresh_token"],
            scopeLimit: ScopeSet(text: "qarnot:read"), createdAt: createdAt, lastUsedAt: nil, expiresAt: expiresAt,
            metadataFreshUntil: .at(9))
    }
}

extension Grant {
    static func sample(_ id: String, endsAt: Timestamp = .at(90 * 86_400)) -> Grant {
        Grant(
            id: GrantID(id), userID: User.ada.id, clientID: Client.claude.id, scopes: ScopeSet(text: "qarnot:execute qarnot:read"),
            resource: "https://gate.example/mcp", redirectURI: "https://claude.ai/cb", createdAt: .at(0), endsAt: endsAt)
    }
}

extension NewAccessToken {
    static func sample(_ name: String, at now: Timestamp) -> NewAccessToken {
        NewAccessToken(digest: .of(name), scopes: ScopeSet(text: "qarnot:read"), issuedAt: now, expiresAt: now + .seconds(3600))
    }
}

extension NewRefreshToken {
    static func sample(_ name: String, at now: Timestamp) -> NewRefreshToken {
        NewRefreshToken(digest: .of(name), issuedAt: now, expiresAt: now + .seconds(30 * 86_400))
    }
}
