internal import Crypto
internal import Glibc
package import Primitives

/// The one key everything else at rest hangs from: 32 random bytes in a file of mode 0400, never in the database or a backup.
package struct RootKey: Sendable {
    package static let count = 32

    private let secret: Secret
    /// Names the key in associated data and in `vault status`; tells nothing about it.
    package let id: String

    /// - Throws: `.weak` unless 32 bytes that could be random.
    package init(_ bytes: [UInt8]) throws(VaultError) {
        guard bytes.count == Self.count else { throw VaultError(.weak, "the root key must be 32 bytes") }
        guard !Self.isPlaceholder(bytes) else {
            throw VaultError(
                .weak,
                "the root key is a placeholder: make one of 32 random bytes in Base64, mode 0400; gatehouse dev makes its own")
        }
        secret = Secret(bytes)
        id = Hex.encode(HKDF.derive(from: Secret(bytes), info: Self.label("root-key-id"), count: 8).expose { $0 })
    }

    /// A fresh key for tests and for rotation before it is written.
    package static func random() throws(VaultError) -> RootKey { try RootKey(Random.bytes(count)) }

    /// Makes a key and writes it to a new file, readable by its owner alone, as base64 in one line.
    /// - Throws: `.exists`, `.cannotWrite`.
    package static func create(at path: String) throws(VaultError) -> RootKey {
        let bytes = Random.bytes(count)
        let key = try RootKey(bytes)
        try KeyFile.write(Array((Base64.encode(bytes, .standard) + "\n").utf8), to: path)
        return key
    }

    /// Reads a key: base64 or hexadecimal text of 32 bytes, or the 32 bytes themselves.
    /// - Throws: `.missing`, `.exposed`, `.weak`.
    package static func load(_ path: String) throws(VaultError) -> RootKey {
        let content = try KeyFile.read(path)
        do throws(VaultError) { return try RootKey(decode(content)) } catch {
            throw VaultError(error.code, "\(path): \(error.message)")
        }
    }

    /// A key for one purpose; different purposes give unrelated keys (KEY-1).
    package func derive(purpose: String) -> Secret { HKDF.derive(from: secret, info: Self.label(purpose)) }

    private static func label(_ purpose: String) -> String { "gatehouse/v1/" + purpose }

    private static func decode(_ content: [UInt8]) -> [UInt8] {
        if content.count == count { return content }
        let text = String(decoding: content, as: UTF8.self).split { $0.isWhitespace }
        guard text.count == 1, let word = text.first else { return [] }
        return Hex.decode(word) ?? Base64.decode(word, .standard) ?? Base64.decode(word, .url) ?? []
    }

    /// True for zeros, repeated or counted bytes, and typed text: none happens to 32 random bytes in practice.
    private static func isPlaceholder(_ bytes: [UInt8]) -> Bool {
        let isText = bytes.allSatisfy { (0x20...0x7E).contains($0) }
        let steps = Set(zip(bytes, bytes.dropFirst()).map { $1 &- $0 })
        return isText || steps.count < 8 || Set(bytes).count < 16 || bytes.prefix(16) == bytes.suffix(16)
    }
}
