package import Primitives

/// The request within which something happened: the members of a record that no single stage knows.
package struct AuditContext: Sendable {
    package var requestID: RequestID
    package var source: IPAddress?
    package var userAgent: String?
    package var method: String?
    /// The route's pattern or path; whatever follows a `?` is dropped, for queries carry codes and states (AUD-2).
    package var route: String?
    package var status: Int?

    package init(
        requestID: RequestID, source: IPAddress? = nil, userAgent: String? = nil, method: String? = nil, route: String? = nil,
        status: Int? = nil
    ) {
        self.requestID = requestID
        self.source = source
        self.userAgent = userAgent
        self.method = method
        self.route = route
        self.status = status
    }
}

/// One line of the audit log (AUD-1), before it has its place in the chain.
///
/// Members are flat where a reader filters by them: `actor`, `subject`, `client`, `src`, `policy` and `scopes` are strings;
/// `http` is `{method, route, status}` and `upstream` is `{host, status}`. `actor` is the subject when nobody else acted.
/// A record is made of an `Event` alone, which has no place for a credential; texts lose their control characters and end
/// after 1 KiB, so neither a terminal nor a line can be broken by what a peer sent (AUD-2).
package struct AuditRecord: Sendable {
    /// Bytes of one text; what is beyond is cut at a character.
    package static let textLimit = 1024
    /// Further members of one record; those beyond are left out.
    package static let detailLimit = 32
    /// Bytes of one further member's value; a larger one is replaced by a note.
    package static let detailValueLimit = 4096

    /// Canonical JSON with three places left open.
    let body: RecordBody

    /// Renders the record at once, on the caller's thread; what is left for the log is number, link and hash.
    package init(_ event: borrowing Event, in context: borrowing AuditContext, at time: Timestamp = .now()) {
        let details = event.details.isEmpty ? [] : Self.arranged(event.details)
        body = RecordBody(event, context, time, details)
    }

    /// Members the record itself writes. A detail of the same name becomes `x_name`.
    private static let ownKeys: Set<String> = [
        "actor", "arg_digest", "client", "engine", "event", "grant_ref", "hash", "http", "ms", "node", "outcome", "policy", "prev",
        "reason", "request_id", "resource", "scopes", "seq", "severity", "src", "subject", "token_ref", "tool", "ts", "ua",
        "upstream",
    ]

    private static func arranged(_ details: [(key: String, value: JSONValue)]) -> [(key: String, value: JSONValue)] {
        if details.count == 1 { return [(plain(details[0].key), details[0].value)] }
        var seen: Set<String> = []
        var out: [(key: String, value: JSONValue)] = []
        for (key, value) in details.prefix(detailLimit) {
            let key = plain(key)
            if seen.insert(key).inserted { out.append((key, value)) }
        }
        return out.sorted { $0.key < $1.key }
    }

    /// Lower-case words only, so that byte order is the order of RFC 8785 §3.2.3.
    private static func plain(_ key: String) -> String {
        let isPlain = !key.isEmpty && key.utf8.count <= 64 && key.utf8.allSatisfy { (0x61...0x7A).contains($0) || $0 == 0x5F }
        if isPlain { return ownKeys.contains(key) ? "x_" + key : key }
        let word = String(
            decoding: key.utf8.prefix(64).map { byte in
                switch byte {
                case 0x61...0x7A, 0x30...0x39: byte
                case 0x41...0x5A: byte + 0x20
                default: UInt8(ascii: "_")
                }
            }, as: UTF8.self)
        return ownKeys.contains(word) || word.isEmpty ? "x_" + word : word
    }
}
