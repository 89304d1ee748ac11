package import Primitives

/// Passwords as they are kept (PW-1, PW-2): normalised, keyed by a pepper, then Argon2id. Who has the database and not the root
/// key cannot even begin to guess. Takes the time and memory of `Argon2id`: run it on a `BlockingPool`.
package struct PasswordHasher: Sendable {
    /// A key that is not in the database, and the name by which hashes say that they were made with it.
    package struct Pepper: Sendable {
        fileprivate let name: String
        fileprivate let mac: HMACSHA256

        /// - Parameters:
        ///   - name: letters and digits; kept with each hash.
        ///   - key: 32 bytes derived for this purpose alone.
        package init(name: String, key: Secret) {
            self.name = name
            mac = HMACSHA256(key: key)
        }
    }

    private static let prefix = "hmac-sha256:"
    private let argon: Argon2id
    private let pepper: Pepper
    /// Whether new hashes are peppered; old ones are read either way.
    private let isPeppering: Bool

    package init(_ argon: Argon2id, pepper: Pepper, isPeppering: Bool = true) {
        self.argon = argon
        self.pepper = pepper
        self.isPeppering = isPeppering
    }

    /// A PHC string, led by the name of the pepper where there is one.
    package func hash(_ password: Secret) throws(CryptoError) -> String {
        guard password.count <= Argon2id.maximumPassword else { throw CryptoError(.malformed) }
        let normal = Self.normalized(password)
        guard isPeppering else { return try argon.hash(normal) }
        return "\(Self.prefix)\(pepper.name):" + (try argon.hash(peppered(normal)))
    }

    /// False for a wrong password, for a string that is no hash, and for one made with another pepper.
    package func verify(_ password: Secret, against stored: String) -> Bool {
        guard password.count <= Argon2id.maximumPassword else { return false }
        let normal = Self.normalized(password)
        guard stored.hasPrefix(Self.prefix) else { return argon.verify(normal, against: stored) }
        guard let phc = phc(of: stored) else { return false }
        return argon.verify(peppered(normal), against: phc)
    }

    /// True when it was made with lesser parameters than these, or with a pepper and should not be, or the other way round.
    package func needsRehash(_ stored: String) -> Bool {
        guard stored.hasPrefix(Self.prefix) == isPeppering else { return true }
        return phc(of: stored).map(argon.needsRehash) ?? true
    }

    /// The Argon2id part; nil when another pepper made it.
    private func phc(of stored: String) -> String? {
        guard stored.hasPrefix(Self.prefix) else { return stored }
        let own = "\(Self.prefix)\(pepper.name):"
        return stored.hasPrefix(own) ? String(stored.dropFirst(own.count)) : nil
    }

    private func peppered(_ password: Secret) -> Secret { Secret(password.expose { Base64.encode(pepper.mac.code(for: $0)) }) }

    /// As it is hashed and judged: form C, bounded by the caller (PW-2).
    package static func normalized(_ password: Secret) -> Secret {
        password.expose { $0.allSatisfy { $0 < 0x80 } } ? password : Secret(password.exposeText().normalizedFormC)
    }
}
