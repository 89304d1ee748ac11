import Crypto
import HTTP
import Primitives

@testable import OAuth

/// A client's key, for proofs and assertions.
struct ClientKey {
    let key: SigningKey

    init() throws { key = try SigningKey() }

    var thumbprint: String { key.publicKey.thumbprint }
    var set: JSONValue { ["keys": [key.jwk]] }

    /// A DPoP proof; each with its own `jti` unless one is given.
    func proof(
        _ method: String, _ url: String, at now: Timestamp, token: String? = nil, jti: String = Random.text(16),
        _ change: (inout JSONObject) -> Void = { _ in }
    ) throws -> String {
        var claims = JSONObject([
            ("htm", .string(method)), ("htu", .string(url)), ("iat", .int(now.seconds)), ("jti", .string(jti)),
        ])
        if let token { claims["ath"] = .string(Base64.encode(SHA256.digest(Array(token.utf8)))) }
        change(&claims)
        return try key.sign(.object(claims), header: ["typ": "dpop+jwt", "alg": "ES256", "jwk": publicJWK])
    }

    var publicJWK: JSONValue {
        var object = key.jwk.object ?? JSONObject()
        for member in ["kid", "use", "alg"] { object[member] = nil }
        return .object(object)
    }

    /// An assertion of `private_key_jwt`.
    func assertion(
        of client: String, to audience: JSONValue, at now: Timestamp, jti: String = Random.text(16),
        _ change: (inout JSONObject) -> Void = { _ in }
    ) throws -> String {
        var claims = JSONObject([
            ("iss", .string(client)), ("sub", .string(client)), ("aud", audience), ("iat", .int(now.seconds)),
            ("exp", .int(now.seconds + 60)), ("jti", .string(jti)),
        ])
        change(&claims)
        return try key.sign(.object(claims), type: "JWT")
    }
}

extension Client {
    /// Id `keyed`, with `private_key_jwt`.
    static func keyed(_ keys: Keys, grantTypes: [String] = ["authorization_code", "refresh_token"]) -> Client {
        var client = Client(
            id: ClientID("keyed"), kind: .preregistered, name: "Keyed", redirectURIs: ["https://app.example/cb"],
            authenticationMethod: .privateKey, secretDigest: nil, grantTypes: grantTypes, createdAt: .at(0))
        client.keys = keys
        return client
    }
}
