internal import Primitives

/// What the stores know of a credential: its HMAC-SHA-256 under a pepper, led by the pepper's id (FMT-2). 33 bytes.
package struct TokenDigest: Sendable, Hashable {
    package let bytes: [UInt8]
    package init(bytes: [UInt8]) { self.bytes = bytes }

    /// The digest is as random as any hash of it.
    package func hash(into hasher: inout Hasher) {
        hasher.combine(bytes.dropFirst().prefix(8).reduce(UInt64(0)) { $0 << 8 | UInt64($1) })
    }

    /// First 8 hexadecimal digits of the hash: the most a log may say (FMT-2).
    package var reference: String { Hex.encode(bytes.dropFirst().prefix(4)) }
}
