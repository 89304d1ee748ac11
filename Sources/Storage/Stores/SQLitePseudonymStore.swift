package import OAuth
package import Primitives

/// Which word stands for which name in the audit log (AUD-6). Outlives the user of that name: erasing it is an act of its own.
package struct SQLitePseudonymStore: Sendable {
    private let database: Database

    package init(_ database: Database) { self.database = database }

    /// The word that stands for a name: the one there is, or else the fresh one, from now on.
    package func word(for name: String, orElse fresh: String, at now: Timestamp) async throws(StoreError) -> String {
        if let word = try await word(for: name) { return word }
        return try await database.write { transaction throws(StoreError) in
            try transaction.run(
                "INSERT INTO pseudonyms (name, word, created_at) VALUES (?1, ?2, ?3) ON CONFLICT (name) DO NOTHING",
                [.text(name), .text(fresh), .time(now)])
            let word = try transaction.first("SELECT word FROM pseudonyms WHERE name = ?1", [.text(name)]) { row in row.text(0) }
            return word ?? fresh
        }
    }

    /// Nil when none stands for it.
    package func word(for name: String) async throws(StoreError) -> String? {
        try await database.read { connection throws(StoreError) in
            try connection.first("SELECT word FROM pseudonyms WHERE name = ?1", [.text(name)]) { row in row.text(0) }
        }
    }

    /// All names, by the word that stands for each.
    package func names() async throws(StoreError) -> [String: String] {
        try await database.read { connection throws(StoreError) in
            let rows = try connection.all("SELECT word, name FROM pseudonyms") { row in (row.text(0), row.text(1)) }
            return Dictionary(rows, uniquingKeysWith: { first, _ in first })
        }
    }

    /// Forgets whom a word stands for. False when nothing stood for that name.
    package func erase(_ name: String) async throws(StoreError) -> Bool {
        try await database.write { transaction throws(StoreError) in
            let isErased = try transaction.run("DELETE FROM pseudonyms WHERE name = ?1", [.text(name)]) == 1
            if isErased {
                transaction.eraseLog()
                // Servers forget the word with the epoch.
                try transaction.bumpEpoch()
            }
            return isErased
        }
    }
}
