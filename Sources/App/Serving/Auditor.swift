import Audit
import HTTP
import Logging
import Primitives

/// Writes what happened to the audit log, and says no when it cannot: an answer without its record does not leave (COM-11).
struct Auditor: Sendable {
    let log: AuditLog
    let logger: Logger

    /// Appends events of one request. False when the log could not take them.
    func record(_ events: [Event], _ context: AuditContext) async -> Bool {
        guard !events.isEmpty else { return true }
        do {
            try await log.append(events.map { AuditRecord($0, in: context) })
            return true
        } catch {
            logger.error("audit record not written", [("error.code", .text("\(error)"))])
            return false
        }
    }
}
