import Crypto
import HTTP
import OAuth
import Primitives
import Proxy
import Synchronization

/// Tells an upstream who calls: a JWT of a minute, for that upstream alone, which `/jwks.json` verifies (HDR-4). It is no token:
/// nothing of ours accepts one of its type.
final class IdentityAssertions: IdentitySource {
    /// How long one is valid, in seconds.
    static let lifetime: Int64 = 60
    /// What is left to one that is handed out again: signing takes longer than the call around it.
    private static let leastLeft = Duration.seconds(30)
    /// A full table is emptied: making them again is cheap.
    private static let capacity = 4096
    static let type = "gatehouse-identity+jwt"

    private struct Place: Hashable {
        let credential: [UInt8]
        let user: UserID
        let audience: String
    }

    private struct Made {
        let text: String
        let endsAt: Timestamp
        /// Of whom it was made: a role may have changed since.
        let role: Role
    }

    private let issuer: String
    private let keyring: Keyring
    private let clock: @Sendable () -> Timestamp
    private let made = Mutex<[Place: Made]>([:])

    init(issuer: String, keyring: Keyring, clock: @escaping @Sendable () -> Timestamp = { .now() }) {
        self.issuer = issuer
        self.keyring = keyring
        self.clock = clock
    }

    func assertion(of caller: Principal, for audience: String) -> String? {
        let now = clock()
        let place = Place(credential: caller.credentialDigest, user: caller.userID, audience: audience)
        if let found = made.withLock({ $0[place] }), found.endsAt - now >= Self.leastLeft, found.role == caller.role {
            return found.text
        }
        let endsAt = now + .seconds(Self.lifetime)
        guard let text = keyring.sign(claims(caller, audience, at: now, endsAt), type: Self.type, at: now) else { return nil }
        made.withLock { made in
            if made.count >= Self.capacity { made.removeAll(keepingCapacity: true) }
            made[place] = Made(text: text, endsAt: endsAt, role: caller.role)
        }
        return text
    }

    private func claims(_ caller: Principal, _ audience: String, at now: Timestamp, _ endsAt: Timestamp) -> JSONValue {
        var claims = JSONObject([
            ("iss", .string(issuer)), ("aud", .string(audience)), ("sub", .string(caller.userID.text)),
            ("iat", .int(now.milliseconds / 1000)), ("exp", .int(endsAt.milliseconds / 1000)), ("jti", .string(Random.text(16))),
            ("preferred_username", .string(caller.username)), ("role", .string(caller.role.rawValue)),
            ("scope", .string(caller.scopes.description)),
        ])
        if let client = caller.clientID { claims.append("client_id", .string(client.text)) }
        return .object(claims)
    }
}
