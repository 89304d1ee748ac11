package import Primitives

/// HMAC-SHA-1 of RFC 2104, where others prescribe it: codes of authenticator apps (RFC 6238) and AWS signature version 2 in the
/// Qarnot simulator.
package struct HMACSHA1: Sendable {
    private static let blockSize = 64

    private let inner: [UInt8]
    private let outer: [UInt8]

    package init(key: Secret) {
        var block = key.expose { $0.count > Self.blockSize ? SHA1.digest($0) : $0 }
        block.append(contentsOf: repeatElement(0, count: Self.blockSize - block.count))
        inner = block.map { $0 ^ 0x36 }
        outer = block.map { $0 ^ 0x5C }
    }

    /// 20 bytes.
    package func code(for bytes: [UInt8]) -> [UInt8] { SHA1.digest(outer + SHA1.digest(inner + bytes)) }
}
