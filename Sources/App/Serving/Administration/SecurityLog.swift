import Audit
import Primitives

/// The newest records an administrator should know of, read from the end of the audit log on a thread of its own.
struct SecurityLog: Sendable {
    /// One line of the list.
    struct Entry: Sendable {
        let time: String
        let event: String
        let outcome: String
        let subject: String
        let isGrave: Bool
        /// How often in a row; the time is the last one's.
        var count = 1
    }

    let folder: String
    let pool: BlockingPool

    /// Records looked at, and entries shown at most.
    private static let depth = 2000
    static let limit = 25
    private static let families = [
        "auth.", "mfa.", "password.", "invite.", "user.", "role.", "client.", "consent.", "grant.", "session.", "admin.",
        "audit.gap",
        "token.revoked", "token.code", "token.refresh.reuse", "token.leak", "config.", "vault.re",
    ]

    /// The newest first; nil when the log cannot be read.
    func recent() async -> [Entry]? {
        let folder = folder
        return try? await pool.run {
            let records = try AuditReader(folder: folder).tail(Self.depth).map(\.record)
            return Self.folded(records.reversed().filter(Self.isWorthKnowing).map(Self.entry))
        }
    }

    /// The same thing over and over is one line.
    static func folded(_ entries: [Entry]) -> [Entry] {
        var out: [Entry] = []
        for entry in entries {
            if let last = out.last, (last.event, last.outcome, last.subject) == (entry.event, entry.outcome, entry.subject) {
                out[out.count - 1].count += 1
            } else if out.count < limit {
                out.append(entry)
            } else {
                break
            }
        }
        return out
    }

    static func isWorthKnowing(_ record: JSONValue) -> Bool {
        guard let event = record["event"]?.string else { return false }
        if let severity = record["severity"]?.string, severity != "info", !event.hasPrefix("mcp.") { return true }
        return families.contains { event.hasPrefix($0) }
    }

    private static func entry(_ record: JSONValue) -> Entry {
        let actor = record["actor"]?.string ?? record["actor"]?["id"]?.string
        let subject = record["subject"]?.string ?? record["client"]?["id"]?.string ?? record["client"]?.string
        let who = [actor.flatMap { $0 == subject ? nil : $0 }, subject].compactMap(\.self).joined(separator: " → ")
        return Entry(
            time: String((record["ts"]?.string ?? "").prefix(19)).replacing("T", with: " "), event: record["event"]?.string ?? "",
            outcome: record["outcome"]?.string ?? "", subject: who,
            isGrave: ["warning", "critical"].contains(record["severity"]?.string ?? ""))
    }
}
