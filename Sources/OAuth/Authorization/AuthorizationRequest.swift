package import Primitives

/// What `/authorize` was asked, after every check: holding one is the proof (AZ-1 to AZ-12).
package struct AuthorizationRequest: Sendable, Hashable {
    package let clientID: ClientID
    /// Exactly as requested, with its port (CLI-3).
    package let redirectURI: String
    /// S256 challenge, 43 base64url characters.
    package let challenge: String
    package let scopes: ScopeSet
    /// Canonical URL of a configured resource.
    package let resource: String
    /// Returned byte-identical; at most 2 KiB (AZ-8).
    package let state: String?
    package let prompt: Set<Prompt>
    /// Only pre-fills the login form (AZ-12).
    package let loginHint: String?
    /// Greatest age of the authentication in seconds.
    package let maxAge: Int?
    /// The least the sign-in must prove, by `acr_values` (RFC 9470 §5).
    package var assurance: Assurance?
    /// The client asked `offline_access` (TOK-8).
    package var isOffline = false
    /// The one DPoP key that may redeem the code (RFC 9449 §10).
    package var dpopKey: String?
    /// Ties the records of this connection together.
    package var flow: String?

    package enum Prompt: String, Sendable {
        case none, login, consent
    }

    package init(
        clientID: ClientID, redirectURI: String, challenge: String, scopes: ScopeSet, resource: String, state: String?,
        prompt: Set<Prompt> = [], loginHint: String? = nil, maxAge: Int? = nil
    ) {
        self.clientID = clientID
        self.redirectURI = redirectURI
        self.challenge = challenge
        self.scopes = scopes
        self.resource = resource
        self.state = state
        self.prompt = prompt
        self.loginHint = loginHint
        self.maxAge = maxAge
    }
}

/// The stored form: a JSON object whose members are only ever added.
extension AuthorizationRequest {
    package var json: JSONValue {
        [
            "client_id": .string(clientID.text), "redirect_uri": .string(redirectURI), "code_challenge": .string(challenge),
            "scope": .string(scopes.description), "resource": .string(resource), "state": .string(orNull: state),
            "prompt": .strings(prompt.map(\.rawValue).sorted()), "login_hint": .string(orNull: loginHint),
            "max_age": maxAge.map { .int($0) } ?? .null, "offline": .bool(isOffline), "dpop_jkt": .string(orNull: dpopKey),
            "flow": .string(orNull: flow), "acr": .string(orNull: assurance?.rawValue),
        ]
    }

    /// Nil when a required member is missing.
    package init?(json: JSONValue) {
        guard let clientID = json["client_id"]?.string, let redirectURI = json["redirect_uri"]?.string,
            let challenge = json["code_challenge"]?.string, let scope = json["scope"]?.string,
            let resource = json["resource"]?.string
        else { return nil }
        self.init(
            clientID: ClientID(clientID), redirectURI: redirectURI, challenge: challenge, scopes: ScopeSet(text: scope),
            resource: resource, state: json["state"]?.string,
            prompt: Set((json["prompt"]?.array ?? []).compactMap { $0.string.flatMap(Prompt.init) }),
            loginHint: json["login_hint"]?.string, maxAge: json["max_age"]?.int)
        isOffline = json["offline"]?.bool ?? false
        dpopKey = json["dpop_jkt"]?.string
        flow = json["flow"]?.string
        assurance = json["acr"]?.string.flatMap(Assurance.init)
    }
}
