import Audit
import OAuth
import Primitives
import Storage

extension Command {
    /// `gatehouse audit erase`
    static let auditErasure = Command(
        path: ["audit", "erase"], usage: "NAME --yes",
        summary: "Forget whom a removed user's records are about; the log stays whole.",
        options: [Option("--yes", nil, "do not ask"), Option("--dry-run", nil, "say what would be forgotten, and forget nothing")]
    ) { invocation async throws(CommandError) in try await AuditErasure.run(invocation) }
}

/// Whom the records of a removed user are about is forgotten, the records are not (AUD-6).
enum AuditErasure {
    static func run(_ invocation: Invocation) async throws(CommandError) {
        let name = try invocation.arguments.operand(0, "NAME").lowercased()
        guard invocation.has("--yes") || invocation.has("--dry-run") else {
            throw CommandError(.usage, "Nobody can find out later whose records these were. Say --yes to do it.")
        }
        try await Installation.withWorkspace(invocation) { workspace async throws(CommandError) in
            let store = SQLitePseudonymStore(workspace.database)
            let (user, word): (User?, String?)
            do throws(StoreError) {
                (user, word) = (try await workspace.users.user(named: name), try await store.word(for: name))
            } catch { throw CommandError(error) }
            guard user == nil else {
                throw CommandError(.no, "\(name) is still a user. Remove the user first: gatehouse user remove \(name).")
            }
            guard let word else {
                throw CommandError(.no, "No word stands for \"\(name)\" in the log. Words are used while audit.pseudonyms is on.")
            }
            let isDry = invocation.has("--dry-run")
            if !isDry {
                try await workspace.recordCommand(Event("audit.erased", details: [("pseudonym", .string(word))]))
                do throws(StoreError) { _ = try await store.erase(name) } catch { throw CommandError(error) }
            }
            invocation.output.object(
                ["pseudonym": .string(word), "dry_run": .bool(isDry)],
                text: isDry
                    ? "Would forget that \(word) is \(name). Nothing was forgotten."
                    : "Forgotten who \(word) was. Records from before audit.pseudonyms was on keep the name until they are past their retention."
            )
        }
    }
}

/// Who is behind the words of a log, for those who may read the database.
struct NamesInLog: Sendable {
    private let names: [String: String]

    /// Empty without pseudonyms, or where the database is not to be had: then records are shown as they are.
    init(_ configuration: Configuration?) async {
        guard let configuration, configuration.audit.hasPseudonyms,
            let database = try? Database(path: configuration.databasePath, readers: 1, migrates: false)
        else {
            names = [:]
            return
        }
        names = (try? await SQLitePseudonymStore(database).names()) ?? [:]
        await database.close()
    }

    func name(for text: String?) -> String? { text.map { names[$0] ?? $0 } }

    func word(for name: String) -> String? { names.first { $0.value == name }?.key }
}
