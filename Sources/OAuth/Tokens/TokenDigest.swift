internal import Primitives

/// What the stores know of a credential: its HMAC-SHA-256 under a pepper, led by the pepper's id (FMT-2). 33 bytes.
package struct TokenDigest: Sendable, Hashable {
    package let bytes: [UInt8]
    package init(bytes: [UInt8]) { self.bytes = bytes }

    /// First 8 hexadecimal digits of the hash: the most a log may say (FMT-2).
    package var reference: String { Hex.encode(bytes.dropFirst().prefix(4)) }
}
