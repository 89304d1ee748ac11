import Audit
import Primitives

/// `db restore` never touches the audit folder (contract §9), yet nothing of this weight may go unrecorded (AUD-3). It leaves a
/// note beside the database before it changes anything; whoever opens the installation next writes it into the log, and only then
/// goes on.
struct RestoreNote: Sendable {
    private let path: String

    init(_ configuration: Configuration) { path = configuration.databasePath + ".restored" }

    func leave(source: String, at now: Timestamp) throws(CommandError) {
        let note: JSONValue = ["at": .string(now.rfc3339), "source": .string(source)]
        do { try Files.write(note.text + "\n", to: path, mode: 0o600) } catch {
            throw CommandError(.cannotWrite, "\(error). Nothing was changed.")
        }
    }

    /// Nothing was restored after all.
    func withdraw() { Files.remove(path) }

    func deliver(to audit: AuditLog) async throws(CommandError) {
        guard Files.exists(path) else { return }
        let note = (try? Files.readText(path)).flatMap { try? JSONValue(parsing: Array($0.utf8)) }
        var event = Event("admin.command", severity: .warning)
        event.details = [
            ("command", "db restore"), ("at", .string(orNull: note?["at"]?.string)),
            ("file", .string(orNull: note?["source"]?.string)),
        ]
        try await Workspace.record(event, in: audit)
        Files.remove(path)
    }
}
