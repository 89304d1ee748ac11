package import MCP
package import Primitives

/// One upstream of the configuration, as far as serving it needs.
package struct ProxySettings: Sendable {
    /// The prefix of its scopes and the engine of its keys and records.
    package var name: String
    /// How the caller's key is sent; nil for an upstream without keys.
    package var credential: Credential?
    /// How the upstream is told who calls; nil for one that is not told.
    package var identity: Identity?
    /// The class each named tool needs.
    package var tools: [String: Permission]
    /// Whether `readOnlyHint` of the upstream counts.
    package var trustsAnnotations: Bool
    /// For the head of an answer, and for each pause within one.
    package var timeout: Duration
    /// Of one answer or one event, in bytes.
    package var maximumResponseBytes: Int
    /// Where users keep their keys.
    package var accountURL: String
    /// Sent as `clientInfo` and `User-Agent`.
    package var version: String

    package struct Credential: Sendable, Equatable {
        package var header: String
        /// Holds `{key}` once.
        package var format: String

        package init(header: String, format: String) {
            self.header = header
            self.format = format
        }

        /// The value of the field.
        func value(of key: Secret) -> Secret {
            guard let place = format.firstRange(of: "{key}") else { return key }
            return key.expose { bytes in
                Secret(Array(format[..<place.lowerBound].utf8) + bytes + Array(format[place.upperBound...].utf8))
            }
        }
    }

    /// A signed assertion of the caller's identity in a field of its own (HDR-4).
    package struct Identity: Sendable, Equatable {
        package var header: String
        /// Whom the assertion is for: the upstream accepts no other.
        package var audience: String

        package init(header: String, audience: String) {
            self.header = header
            self.audience = audience
        }
    }

    package init(
        name: String, credential: Credential?, identity: Identity? = nil, tools: [String: Permission] = [:],
        trustsAnnotations: Bool = false,
        timeout: Duration = .seconds(60), maximumResponseBytes: Int = 16 << 20, accountURL: String, version: String
    ) {
        self.name = name
        self.credential = credential
        self.identity = identity
        self.tools = tools
        self.trustsAnnotations = trustsAnnotations
        self.timeout = timeout
        self.maximumResponseBytes = maximumResponseBytes
        self.accountURL = accountURL
        self.version = version
    }

    /// The class a tool needs (contract §9).
    /// - Parameter isReadOnly: what the upstream claims.
    package func permission(of tool: String, isReadOnly: Bool) -> Permission {
        if let named = tools[tool] { return named }
        guard trustsAnnotations else { return .admin }
        return isReadOnly ? .read : .execute
    }
}

/// Says who calls in a form an upstream can verify. `App` implements it with the signing keys of the gateway.
package protocol IdentitySource: Sendable {
    /// A short-lived signed assertion for one audience; nil when none can be made now, and then the call must not be sent.
    func assertion(of caller: Principal, for audience: String) -> String?
}

/// Where the proxy gets a caller's own key for one upstream. `App` implements it over the vault.
package protocol KeySource: Sendable {
    /// The caller's key; nil when none is stored. Never somebody else's.
    /// - Parameter notes: where the use may wait for its call's record; nil when it is to be on record before the key is.
    func key(for caller: Principal, noting notes: CallNotes?) async throws -> Secret?

    /// The upstream answered 401 or 403 to this key of the caller: ask the user for another (VLT-5), unless it was replaced
    /// meanwhile.
    func markRejected(_ key: Secret, of caller: Principal) async

    /// The upstream accepted the caller's key.
    func markWorking(for caller: Principal) async
}
