package import Primitives

/// What a search asks for; nil asks nothing.
package struct AuditFilter: Sendable {
    /// The user who acted or whose account it concerned.
    package var user: String?
    /// An event's name; one that ends with `*` asks for every event that begins like it.
    package var event: String?
    package var outcome: String?
    /// Inclusive.
    package var since: Timestamp?
    /// Exclusive.
    package var until: Timestamp?
    package var requestID: String?
    /// The connection of a client, from its discovery to its first call.
    package var flow: String?

    package init(
        user: String? = nil, event: String? = nil, outcome: String? = nil, since: Timestamp? = nil, until: Timestamp? = nil,
        requestID: String? = nil
    ) {
        self.user = user
        self.event = event
        self.outcome = outcome
        self.since = since
        self.until = until
        self.requestID = requestID
    }

    func matches(_ record: JSONView) -> Bool {
        func isText(_ key: StaticString, _ wanted: String?) -> Bool { wanted == nil || record[key]?.string == wanted }
        return isText("outcome", outcome) && isText("request_id", requestID) && isText("flow", flow) && matchesEvent(record)
            && matchesTime(record)
            && (isText("actor", user) || isText("subject", user))
    }

    private func matchesEvent(_ record: JSONView) -> Bool {
        guard let event else { return true }
        guard let name = record["event"]?.string else { return false }
        return event.hasSuffix("*") ? name.hasPrefix(event.dropLast()) : name == event
    }

    private func matchesTime(_ record: JSONView) -> Bool {
        guard since != nil || until != nil else { return true }
        guard let text = record["ts"]?.string, let time = Timestamp(rfc3339: text) else { return false }
        return since.map { time >= $0 } ?? true && until.map { time < $0 } ?? true
    }
}
