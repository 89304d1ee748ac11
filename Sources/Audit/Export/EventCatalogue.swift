/// Every event of the log, and what it is called elsewhere (AUD-1): the table of oauth.md §18.
package enum EventCatalogue {
    package struct Entry: Sendable, Hashable {
        /// Class and activity of OCSF 1.x; 99 is an activity that only its name tells.
        package let ocsfClass: Int
        package let ocsfActivity: Int
        /// ECS `event.category`.
        package let category: String
        /// ECS `event.type`.
        package let types: [String]
        /// The same for an outcome of `denied` or `failure`.
        package let refusedTypes: [String]

        fileprivate init(_ ocsf: Int, _ category: String, _ types: [String], refused: [String]? = nil) {
            ocsfClass = ocsf / 100
            ocsfActivity = ocsf % 100
            self.category = category
            self.types = types
            refusedTypes = refused ?? types
        }
    }

    /// Nil for an event nobody entered; a test sees to it that there is none.
    package static func entry(_ event: String) -> Entry? { entries[event] }

    package static var events: [String] { entries.keys.sorted() }

    private static let entries: [String: Entry] = {
        var out: [String: Entry] = [:]
        for (names, entry) in rows { for name in names.split(separator: " ") { out[String(name)] = entry } }
        return out
    }()

    /// Type ids are class × 100 + activity.
    private static let rows: [(String, Entry)] = [
        ("auth.login", Entry(300_201, "authentication", ["start"], refused: ["start", "denied"])),
        ("auth.login.throttled", Entry(300_201, "authentication", ["denied"])),
        ("auth.mfa.challenge", Entry(300_206, "authentication", ["info"])),
        ("auth.logout session.revoked", Entry(300_202, "session", ["end"])),
        ("auth.session.anomaly", Entry(200_401, "authentication", ["info"])),
        ("mfa.enrolled", Entry(300_110, "iam", ["change"])),
        ("mfa.removed", Entry(300_111, "iam", ["change"])),
        ("mfa.recovery_used", Entry(300_201, "iam", ["change"])),
        ("password.changed", Entry(300_103, "iam", ["change"])),
        ("password.reset", Entry(300_104, "iam", ["change"])),
        ("invite.created invite.used", Entry(300_101, "iam", ["change"])),
        ("user.created", Entry(300_101, "iam", ["user", "creation"])),
        ("user.updated", Entry(300_403, "iam", ["user", "change"])),
        ("user.enabled", Entry(300_102, "iam", ["user", "change"])),
        ("user.disabled", Entry(300_105, "iam", ["user", "change"])),
        ("user.deleted", Entry(300_106, "iam", ["user", "deletion"])),
        ("role.granted", Entry(300_501, "iam", ["admin", "change"])),
        ("role.revoked", Entry(300_502, "iam", ["admin", "change"])),
        ("group.changed", Entry(300_601, "iam", ["admin", "change"])),
        ("client.registered", Entry(300_401, "configuration", ["creation"])),
        ("client.updated client.pinned", Entry(300_403, "configuration", ["change"])),
        ("client.deleted", Entry(300_404, "configuration", ["deletion"])),
        ("client.metadata.fetched", Entry(400_203, "network", ["connection"])),
        ("client.metadata.changed", Entry(300_403, "network", ["connection"])),
        ("client.metadata.rejected", Entry(400_203, "network", ["denied"])),
        ("authz.request.rejected", Entry(300_399, "web", ["denied"])),
        ("consent.granted", Entry(300_501, "iam", ["allowed", "change"])),
        ("consent.denied consent.required", Entry(300_502, "iam", ["denied"])),
        ("consent.revoked", Entry(300_502, "iam", ["change"])),
        ("token.issued", Entry(300_301, "authentication", ["info"])),
        ("token.refreshed token.refresh.grace_used", Entry(300_299, "authentication", ["info"])),
        ("token.code.replayed token.refresh.reuse_detected", Entry(200_401, "authentication", ["denied"])),
        ("token.revoked token.leak.reported grant.revoked", Entry(300_502, "iam", ["deletion"])),
        ("token.rejected", Entry(600_399, "api", ["denied"])),
        ("dpop.rejected clientauth.failed", Entry(300_201, "authentication", ["denied"])),
        ("mcp.request mcp.tool.called", Entry(600_303, "api", ["access", "allowed"], refused: ["access"])),
        ("mcp.tool.denied", Entry(600_303, "api", ["denied"])),
        ("mcp.header_mismatch origin.rejected http.malformed", Entry(400_299, "web", ["denied"])),
        ("ratelimit.exceeded", Entry(600_399, "api", ["denied"])),
        ("ssrf.blocked", Entry(200_401, "network", ["denied"])),
        ("vault.key.stored", Entry(300_401, "iam", ["change"])),
        ("vault.key.used vault.key.failed", Entry(300_402, "iam", ["access"])),
        ("vault.key.rotated", Entry(300_403, "iam", ["change"])),
        ("vault.key.removed", Entry(300_404, "iam", ["change"])),
        ("key.rotated vault.rekeyed", Entry(300_403, "configuration", ["change"])),
        ("config.changed config.reloaded policy.changed admin.command", Entry(600_208, "configuration", ["change"])),
        (
            "audit.checkpoint audit.gap audit.verify audit.exported audit.erased audit.pruned",
            Entry(600_299, "configuration", ["info"])
        ),
        ("server.started", Entry(600_203, "process", ["start"])),
        ("server.stopped", Entry(600_204, "process", ["end"])),
        ("tls.cert.reloaded", Entry(600_208, "process", ["change"])),
        // Ours, beyond the table: a client's way to its first call, and a tool of an upstream that became another.
        ("flow.step flow.connected", Entry(400_299, "web", ["info"])),
        ("upstream.tool.changed", Entry(300_403, "configuration", ["change"])),
    ]
}
