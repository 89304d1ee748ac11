package import Primitives

/// Keys for what others keep for us, each with an id that stands in front of what it sealed, so that keys can be changed while
/// older handles still open.
package struct SealingKeys: Sendable {
    private let current: UInt8
    private let keys: [UInt8: Secret]

    /// - Parameters:
    ///   - key: 32 bytes; seals from now on.
    ///   - former: still open what they sealed.
    package init(_ key: Secret, id: UInt8 = 1, former: [UInt8: Secret] = [:]) {
        var keys = former
        keys[id] = key
        precondition(keys.values.allSatisfy { $0.count == 32 }, "a sealing key has 32 bytes")
        current = id
        self.keys = keys
    }

    /// Key id, nonce, ciphertext and tag. - Parameter context: authenticated, not stored.
    package func seal(_ plain: [UInt8], authenticating context: [UInt8]) -> [UInt8] {
        guard let key = keys[current], let box = try? AES256GCM.seal(plain, key: key, authenticating: context) else {
            preconditionFailure("out of memory")
        }
        return [current] + box
    }

    /// Nil when key id, key, context or any byte differ.
    package func open(_ box: [UInt8], authenticating context: [UInt8]) -> [UInt8]? {
        guard let id = box.first, let key = keys[id] else { return nil }
        return try? AES256GCM.open(Array(box.dropFirst()), key: key, authenticating: context)
    }
}
