/// Something that happened, in the vocabulary of the audit log (oauth.md §18). A stage returns events; `App` has them
/// written before the answer leaves. Values are identifiers and fixed words, never credentials or their parts.
package struct Event: Sendable {
    /// Wire values of the record's `outcome`.
    package enum Outcome: String, Sendable {
        case success, failure, denied
        /// Written before an effect that spends or destroys; the outcome follows in a record of its own.
        case intent
    }

    package enum Severity: String, Sendable {
        case info, warning, critical
    }

    /// A dotted name of oauth.md §18, such as `token.issued`.
    package var name: String
    package var outcome: Outcome
    package var severity: Severity
    /// A fixed word for why, such as a rule id; never input.
    package var reason: String?
    /// Who acted, when it was not the subject: a user name, `cli`, `system`.
    package var actor: String?
    /// Whose account it concerns: the user name.
    package var subject: String?
    /// Whose credential acted. Stands for actor, subject, client, grant, token reference and scopes where those are nil: one
    /// reference to count instead of six.
    package var caller: Principal?
    package var client: ClientID?
    package var grant: GrantID?
    package var tokenReference: String?
    package var resource: String?
    package var scopes: String?
    package var tool: String?
    package var engine: String?
    /// Lower-case hexadecimal SHA-256 of the arguments, and their size in bytes.
    package var argumentDigest: String?
    /// The policy that decided, such as `scope` or `limit.user`.
    package var policy: String?
    package var upstreamHost: String?
    package var upstreamStatus: Int?
    package var milliseconds: Int?
    /// Further members, for the extra fields of oauth.md §18. Keys are lower-case words.
    package var details: [(key: String, value: JSONValue)]

    // Inlined: called, it would make the whole value twice.
    @inline(__always) package init(
        _ name: String, _ outcome: Outcome = .success, severity: Severity = .info, reason: String? = nil,
        caller: Principal? = nil, actor: String? = nil,
        subject: String? = nil, client: ClientID? = nil, grant: GrantID? = nil, tokenReference: String? = nil,
        resource: String? = nil, scopes: String? = nil, tool: String? = nil, engine: String? = nil, argumentDigest: String? = nil,
        policy: String? = nil, milliseconds: Int? = nil, details: [(key: String, value: JSONValue)] = []
    ) {
        self.name = name
        self.outcome = outcome
        self.severity = severity
        self.reason = reason
        self.caller = caller
        self.actor = actor
        self.subject = subject
        self.client = client
        self.grant = grant
        self.tokenReference = tokenReference
        self.resource = resource
        self.scopes = scopes
        self.tool = tool
        self.engine = engine
        self.argumentDigest = argumentDigest
        self.policy = policy
        self.milliseconds = milliseconds
        self.details = details
    }
}
