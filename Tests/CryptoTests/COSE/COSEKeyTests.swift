import Primitives
import Testing

@testable import Crypto

/// Keys of passkeys (RFC 9053).
struct COSEKeyTests {
    private static func p256(_ change: (inout [(Int64, CBORValue)]) -> Void = { _ in }) throws -> CBORValue {
        guard case .p256(let x, let y) = try SigningKey().publicKey.material else { throw CryptoError(.failed) }
        var members: [(Int64, CBORValue)] = [
            (1, .integer(2)), (3, .integer(-7)), (-1, .integer(1)), (-2, .bytes(x)), (-3, .bytes(y)),
        ]
        change(&members)
        return .map(members.map { CBORValue.Pair(key: .integer($0.0), value: $0.1) })
    }

    @Test func `a key reads as it was stored`() throws {
        let key = try COSEKey(Self.p256())
        #expect(key.algorithm == .es256)
        #expect(try COSEKey(serialized: key.serialized) == key)
    }

    @Test func `a signature in DER is judged, and a changed byte, message or key is not let through`() throws {
        let signer = try SigningKey()
        guard case .p256(let x, let y) = signer.publicKey.material else { return }
        let key = try COSEKey(
            .map([
                .init(key: .integer(1), value: .integer(2)), .init(key: .integer(3), value: .integer(-7)),
                .init(key: .integer(-1), value: .integer(1)), .init(key: .integer(-2), value: .bytes(x)),
                .init(key: .integer(-3), value: .bytes(y)),
            ]))
        let raw = try signer.signature(of: [1, 2, 3])
        let signature = DER.sequence(DER.integer(Array(raw[..<32])), DER.integer(Array(raw[32...])))
        #expect(key.verifies(signature, of: [1, 2, 3]))
        #expect(!key.verifies(signature, of: [1, 2, 4]))
        #expect(!key.verifies(raw, of: [1, 2, 3]), "the raw form is JWS, not WebAuthn")
        #expect(try !COSEKey(Self.p256()).verifies(signature, of: [1, 2, 3]))
        for place in signature.indices {
            var changed = signature
            changed[place] ^= 1
            #expect(!key.verifies(changed, of: [1, 2, 3]))
            #expect(!key.verifies(Array(signature[..<place]), of: [1, 2, 3]))
        }
    }

    @Test func `other types, curves, algorithms, lengths and members are refused`() throws {
        let faults: [(inout [(Int64, CBORValue)]) -> Void] = [
            { $0[0].1 = .integer(3) }, { $0[1].1 = .integer(-257) }, { $0[1].1 = .integer(-35) }, { $0[2].1 = .integer(2) },
            { $0[3].1 = .bytes([1]) }, { $0[4].1 = .text("y") }, { $0.removeLast() }, { $0.append((-4, .bytes([1]))) },
            { $0[1].1 = .text("ES256") }, { $0.append((2, .bytes([1]))) },
        ]
        for fault in faults { #expect(throws: CryptoError.self) { try COSEKey(Self.p256(fault)) } }
        #expect(throws: CryptoError.self) { try COSEKey(.array([])) }
    }

    /// Invalid-curve attacks begin with such a point.
    @Test func `a point off the curve is no key`() throws {
        #expect(throws: CryptoError.self) {
            try COSEKey(Self.p256 { $0[4].1 = .bytes([UInt8](repeating: 7, count: 32)) })
        }
        #expect(throws: CryptoError.self) {
            try COSEKey(
                Self.p256 {
                    $0[3].1 = .bytes([UInt8](repeating: 0, count: 32)); $0[4].1 = .bytes([UInt8](repeating: 0, count: 32))
                })
        }
    }
}
