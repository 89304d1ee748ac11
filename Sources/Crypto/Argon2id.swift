internal import CArgon2
package import Primitives

/// Argon2id version 1.3 (RFC 9106) with PHC strings (PW-1). A hash takes `memoryKiB` and tens of milliseconds: run it on a
/// `BlockingPool`, never on an event loop.
package struct Argon2id: Sendable, Hashable {
    package let memoryKiB: Int
    package let passes: Int
    package let lanes: Int

    /// Longer passwords are refused before any work (PW-2).
    package static let maximumPassword = 1024
    /// Floor of PW-1.
    package static let minimumMemoryKiB = 19_456

    package init(memoryKiB: Int = 65_536, passes: Int = 3, lanes: Int = 1) {
        self.memoryKiB = memoryKiB
        self.passes = passes
        self.lanes = lanes
    }

    /// A PHC string with a fresh 16-byte salt and a 32-byte tag.
    package func hash(_ password: Secret) throws(CryptoError) -> String {
        guard password.count <= Self.maximumPassword else { throw CryptoError(.malformed) }
        let salt = Random.bytes(16)
        var encoded = [CChar](repeating: 0, count: 256)
        let code = password.expose { password in
            unsafe argon2id_hash_encoded(
                UInt32(passes), UInt32(memoryKiB), UInt32(lanes), password, password.count, salt, salt.count, 32, &encoded,
                encoded.count)
        }
        guard code == ARGON2_OK.rawValue else { throw CryptoError(.failed) }
        return String(decoding: encoded.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// False for a wrong password and for a string that is no Argon2id hash.
    package func verify(_ password: Secret, against phc: String) -> Bool {
        guard password.count <= Self.maximumPassword, Self.parameters(of: phc) != nil else { return false }
        return password.expose { unsafe argon2id_verify(phc, $0, $0.count) == ARGON2_OK.rawValue }
    }

    /// True when the string was made with lesser parameters than these.
    package func needsRehash(_ phc: String) -> Bool {
        guard let (memory, passes, _) = Self.parameters(of: phc) else { return true }
        return memory < memoryKiB || passes < self.passes
    }

    /// Reads the cost of a PHC string; bounded, so that a planted string cannot ask for all memory.
    private static func parameters(of phc: String) -> (memory: Int, passes: Int, lanes: Int)? {
        let parts = phc.split(separator: "$")
        guard parts.count == 5, parts[0] == "argon2id", parts[1] == "v=19" else { return nil }
        var values: [Substring: Int] = [:]
        for pair in parts[2].split(separator: ",") {
            let sides = pair.split(separator: "=")
            guard sides.count == 2, let value = Int(sides[1]) else { return nil }
            values[sides[0]] = value
        }
        guard let memory = values["m"], let passes = values["t"], let lanes = values["p"], (8...1_048_576).contains(memory),
            (1...64).contains(passes), (1...16).contains(lanes)
        else { return nil }
        return (memory, passes, lanes)
    }
}
