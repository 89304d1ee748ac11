internal import HTTP
package import Primitives

/// What the authorization server is configured to do.
package struct OAuthSettings: Sendable {
    /// Who may register clients at `/register`.
    package enum Registration: String, Sendable {
        case open, token, off
    }

    /// Byte-identical in metadata, responses and tokens; a bare https origin (META-1).
    package var issuer: String
    /// The first is the default resource.
    package var resources: [ProtectedResource]
    package var registration: Registration
    /// Client id metadata documents are fetched (CIMD).
    package var acceptsMetadataDocuments: Bool
    package var accessTokenLifetime: Duration
    package var refreshIdle: Duration
    package var refreshAbsolute: Duration
    /// How long a superseded refresh token yields its successor (RT-4); 0 to 300 s.
    package var refreshGrace: Duration
    /// Identity assertions of configured providers are redeemed (JAG-1).
    package var acceptsAssertions = false
    /// Client certificates are asked for in the handshake, so that they can prove clients and users (RFC 8705).
    package var acceptsCertificates = false
    /// URLs of the resources whose access tokens are JWTs (FMT-4).
    package var jwtResources: Set<String> = []
    /// What a role's sign-in must prove before any client gets a token (MFA-3).
    package var roleAssurance: [Role: Assurance] = [:]
    /// What calls of a class need of the sign-in behind their token (RFC 9470).
    package var stepUps: [Scope: StepUp] = [:]
    /// Clients nobody registered by hand wait for an administrator (CON-4).
    package var requiresClientApproval = false
    /// Removing a user's upstream key ends the grants for that engine (RT-7).
    package var grantsEndWithKey = false
    /// Hosts clients may be from (CIMD-9).
    package var clientHosts = ClientHosts()
    /// Private-use redirect schemes without a dot that are allowed.
    package var redirectSchemes: Set<String>

    /// Bounds of oauth.md §2 that are not configurable.
    package static let jwtLifetime = Duration.seconds(600)
    package static let pushedRequestLifetime = Duration.seconds(60)
    package static let deviceLifetime = Duration.seconds(600)
    package static let consentLifetime = Duration.seconds(90 * 86_400)
    package static let codeLifetime = Duration.seconds(60)
    package static let transactionLifetime = Duration.seconds(600)
    package static let sessionIdle = Duration.seconds(12 * 3600)
    package static let sessionAbsolute = Duration.seconds(7 * 86_400)
    package static let unusedClientLifetime = Duration.seconds(86_400)
    package static let usedClientLifetime = Duration.seconds(90 * 86_400)

    package init(
        issuer: String, resources: [ProtectedResource], registration: Registration = .open, acceptsMetadataDocuments: Bool = true,
        accessTokenLifetime: Duration = .seconds(3600), refreshIdle: Duration = .seconds(30 * 86_400),
        refreshAbsolute: Duration = .seconds(90 * 86_400), refreshGrace: Duration = .seconds(60),
        redirectSchemes: Set<String> = ["cursor", "vscode", "vscode-insiders"]
    ) {
        self.issuer = issuer
        self.resources = resources
        self.registration = registration
        self.acceptsMetadataDocuments = acceptsMetadataDocuments
        self.accessTokenLifetime = accessTokenLifetime
        self.refreshIdle = refreshIdle
        self.refreshAbsolute = refreshAbsolute
        self.refreshGrace = refreshGrace
        self.redirectSchemes = redirectSchemes
    }
}

/// One MCP endpoint as an OAuth protected resource.
package struct ProtectedResource: Sendable, Hashable {
    /// The URL users paste, canonical: no trailing slash.
    package let url: String
    /// The path part of `url`, such as `/mcp`.
    package let path: String
    /// The prefix of its scopes.
    package let engine: String
    package let title: String

    package init(url: String, path: String, engine: String, title: String) {
        self.url = url
        self.path = path
        self.engine = engine
        self.title = title
    }

    /// Asked for when a client names no scope, and named in challenges and metadata (PRM-1, RS-4): what everyday work needs,
    /// short of administration. Read alone would make every client ask twice before it can submit a task.
    package var baseline: ScopeSet {
        ScopeSet([Scope(engine: engine, permission: .read), Scope(engine: engine, permission: .execute)])
    }
    package var scopes: [Scope] { Permission.allCases.map { Scope(engine: engine, permission: $0) } }
}

extension OAuthSettings {
    /// Finds the resource an RFC 8707 indicator names, comparing canonical forms (AZ-10). Nil when it names none of ours.
    package func resource(named text: String) -> ProtectedResource? {
        guard let canonical = Self.canonical(text) else { return nil }
        return resources.first { Self.canonical($0.url) == canonical }
    }

    /// Lower-case scheme and host, no default port, no trailing slash; nil when not an absolute https or loopback http URL
    /// without fragment and user.
    static func canonical(_ text: String) -> String? {
        guard let url = URLReference(text), url.hasAuthority, url.fragment == nil, !url.hasUserInfo else { return nil }
        guard url.scheme == "https" || url.scheme == "http" else { return nil }
        let path = url.path.hasSuffix("/") ? String(url.path.dropLast()) : url.path
        return url.origin + path + (url.query.map { "?" + $0 } ?? "")
    }
}
