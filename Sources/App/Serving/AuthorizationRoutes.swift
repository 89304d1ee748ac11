import HTTP
import OAuth

/// The endpoints clients call themselves, by path.
struct AuthorizationRoutes: Sendable {
    private let token: TokenEndpoint
    private let revocation: RevocationEndpoint
    private let introspection: IntrospectionEndpoint
    private let registration: RegistrationEndpoint
    private let management: ClientManagementEndpoint
    private let pushing: PushedRequestEndpoint
    private let device: DeviceAuthorizationEndpoint
    private let keys: KeySetEndpoint
    private let leaks: TokenLeakEndpoint
    /// Nil without providers.
    private let logout: BackchannelLogoutEndpoint?

    init(_ server: AuthorizationServer, federation: FederatedLogin?) {
        token = TokenEndpoint(server, federation: federation)
        revocation = RevocationEndpoint(server)
        introspection = IntrospectionEndpoint(server)
        registration = RegistrationEndpoint(server)
        management = ClientManagementEndpoint(server)
        pushing = PushedRequestEndpoint(server)
        device = DeviceAuthorizationEndpoint(server)
        leaks = TokenLeakEndpoint(server)
        logout = federation.map { BackchannelLogoutEndpoint(server, federation: $0) }
        keys = KeySetEndpoint(keyring: server.keyring)
    }

    /// The endpoint at a path and which address limit it has; nil when the path is none of theirs.
    func endpoint(at path: String) -> (responder: any Responder, limit: AddressLimits.Kind?)? {
        switch path {
        case "/token": (token, .token)
        case "/revoke": (revocation, .token)
        case "/introspect": (introspection, .token)
        case "/register": (registration, .register)
        case "/par": (pushing, .token)
        case "/device_authorization": (device, .token)
        case "/jwks.json": (keys, nil)
        case "/token-leak": (leaks, .token)
        case _ where path.hasPrefix(BackchannelLogoutEndpoint.pathPrefix): logout.map { ($0, .token) }
        default: path.hasPrefix(ClientManagementEndpoint.pathPrefix) ? (management, .token) : nil
        }
    }

    /// The path as the log may name it.
    static func route(of path: String) -> String? {
        if path.hasPrefix(ClientManagementEndpoint.pathPrefix) { return "/register/{client_id}" }
        if path.hasPrefix(BackchannelLogoutEndpoint.pathPrefix) { return "/backchannel_logout/{provider}" }
        let known = ["/token", "/revoke", "/introspect", "/register", "/par", "/device_authorization", "/jwks.json", "/token-leak"]
        return known.contains(path) ? path : nil
    }
}
