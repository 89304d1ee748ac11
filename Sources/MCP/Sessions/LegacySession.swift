internal import Primitives

/// A session of the older revisions as its id tells it. The id is the whole session: signed, bound to user, client and grant, so
/// that it outlives a restart and needs no store (mcp.md §4.3). A session is never authentication.
struct LegacySession: Sendable {
    let id: String
    let revision: Revision
    let capabilities: ClientCapabilities

    /// How long an id is accepted after its handshake.
    static let lifetime = Duration.seconds(7 * 86_400)

    /// Seals a new session.
    init(_ revision: Revision, _ capabilities: ClientCapabilities, of caller: Principal?, _ handles: HandleSealer) {
        self.revision = revision
        self.capabilities = capabilities
        id = handles.seal(
            .array([.string(revision.rawValue), .int(capabilities.rawValue)]), .session, of: caller, .grant, lifetime: Self.lifetime
        )
    }

    /// Nil for an id that was not sealed for this caller.
    init?(_ id: String, of caller: Principal?, _ handles: HandleSealer) {
        guard let parts = handles.open(id, .session, of: caller, .grant)?.array, parts.count == 2,
            let revision = parts[0].string.flatMap(Revision.init(rawValue:)), let capabilities = parts[1].int
        else { return nil }
        self.id = id
        self.revision = revision
        self.capabilities = ClientCapabilities(rawValue: UInt16(truncatingIfNeeded: capabilities))
    }
}
