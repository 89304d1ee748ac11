internal import Crypto
package import Primitives

/// Another root key, and whether everything opens.
extension CredentialVault {
    /// Wraps every user's key under a new root key in one transaction; records stay as they are (VLT-3). Servers that run follow,
    /// provided they can find the new key. Users added meanwhile make it begin again.
    /// - Returns: how many user keys were wrapped anew, each verified.
    /// - Throws: `.unavailable` when keys were added at every attempt: nothing changed; `.wrongRootKey`; `.notAuthentic` when a
    ///   user's key was altered: nothing changed.
    package func rekey(to newKey: RootKey) async throws(VaultError) -> Int {
        let other = Envelope(newKey)
        for _ in 0..<10 {
            let service = try await serviceKey()
            guard service.envelope.rootKeyID != other.rootKeyID else { return try await records.userKeys().count }
            let stored = try await records.userKeys()
            var pairs: [(old: WrappedUserKey, new: WrappedUserKey)] = []
            let wrapped: [UInt8]
            do throws(CryptoError) {
                for old in stored {
                    let new = try service.envelope.rewrap(old, under: other)
                    _ = try other.unwrap(new)
                    pairs.append((old, new))
                }
                wrapped = try other.wrapServiceKey(service.key)
            } catch {
                guard error.code != .failed else { throw Self.cipherFailure(error) }
                throw VaultError(.notAuthentic, "a user's key was altered or moved: run gatehouse db check")
            }
            if try await records.replaceKeys(serviceKey: (service.wrapped, wrapped), userKeys: pairs) { return pairs.count }
        }
        throw VaultError(.unavailable, "keys were added meanwhile: run it again")
    }

    /// Whether a root key opens the vault as it is stored now; nil when the vault was never used.
    package func opens(with key: RootKey) async throws(VaultError) -> Bool? {
        try await records.serviceKey().map { Envelope(key).opens($0) }
    }

    /// What is stored, and what of it cannot be opened.
    package struct Health: Sendable {
        package var users = 0
        package var records = 0
        /// Those the upstream refused last (VLT-5).
        package var rejected = 0
        /// Whose record for which engine cannot be opened.
        package var broken: [(user: UserID, engine: String)] = []
    }

    /// Counts what is stored.
    /// - Parameter opening: tries to open every record, and drops what was in it at once.
    /// - Throws: `.wrongRootKey`, `.unavailable`.
    package func health(opening: Bool) async throws(VaultError) -> Health {
        var health = Health()
        for key in try await records.userKeys() {
            health.users += 1
            for entry in try await records.entries(of: key.user) {
                health.records += 1
                if entry.isRejected { health.rejected += 1 }
                guard opening else { continue }
                do throws(VaultError) { _ = try await self.key(user: key.user, engine: entry.engine) } catch {
                    guard error.code == .notAuthentic else { throw error }
                    health.broken.append((key.user, entry.engine))
                }
            }
        }
        return health
    }
}
