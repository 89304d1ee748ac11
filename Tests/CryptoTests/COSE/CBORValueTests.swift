import Primitives
import Testing

@testable import Crypto

/// CBOR as authenticators write it (RFC 8949, CTAP 2.1 §8).
struct CBORValueTests {
    /// Examples of RFC 8949 appendix A that are canonical for CTAP2.
    @Test(
        arguments: [
            ("00", .integer(0)), ("17", .integer(23)), ("1818", .integer(24)), ("1903e8", .integer(1000)),
            ("1a000f4240", .integer(1_000_000)), ("1b000000e8d4a51000", .integer(1_000_000_000_000)), ("20", .integer(-1)),
            ("3903e7", .integer(-1000)), ("f4", .bool(false)), ("f5", .bool(true)), ("f6", .null), ("40", .bytes([])),
            ("4401020304", .bytes([1, 2, 3, 4])), ("6449455446", .text("IETF")), ("62c3bc", .text("ü")), ("80", .array([])),
            ("83010203", .array([.integer(1), .integer(2), .integer(3)])), ("a0", .map([])),
            (
                "a26161016162820203",
                .map([
                    CBORValue.Pair(key: .text("a"), value: .integer(1)),
                    CBORValue.Pair(key: .text("b"), value: .array([.integer(2), .integer(3)])),
                ])
            ),
        ] as [(String, CBORValue)])
    func `canonical examples of RFC 8949 are read, and written back as they were`(_ hex: String, _ value: CBORValue) throws {
        let bytes = try #require(Hex.decode(hex))
        #expect(try CBORValue(parsing: bytes) == value)
        #expect(value.serialized == bytes)
        for count in 0..<bytes.count {
            #expect(throws: CBORValue.Fault.truncated) { try CBORValue(parsing: Array(bytes[..<count])) }
        }
        #expect(throws: CBORValue.Fault.notCanonical, "a byte too many") { try CBORValue(parsing: bytes + [0]) }
    }

    @Test(arguments: [
        "1817", "190017", "1a0000ffff", "1b00000000ffffffff", "3800", "5800", "7801", "1bffffffffffffffff", "1c", "1f",
        "5f42010243030405ff",
        "9fff", "bf616101ff", "c074323031332d30332d3231", "f7", "f97c00", "fb3ff199999999999a", "f0", "62c328", "a2616101616102",
        "a1a00001", "a1f401",
    ])
    func `what has a second spelling or no place in WebAuthn is refused`(_ hex: String) throws {
        let bytes = try #require(Hex.decode(hex))
        #expect(throws: CBORValue.Fault.self) { try CBORValue(parsing: bytes) }
    }

    @Test func `depth, counts and lengths are bounded before anything is reserved`() {
        #expect(throws: CBORValue.Fault.tooLarge) { try CBORValue(parsing: [UInt8](repeating: 0x81, count: 40) + [0]) }
        // 255 values and the array they are in are as many as there may be.
        #expect(throws: Never.self) { try CBORValue(parsing: [0x98, 0xFF] + [UInt8](repeating: 0xF6, count: 255)) }
        #expect(throws: CBORValue.Fault.tooLarge) {
            try CBORValue(parsing: [0x99, 0x01, 0x00] + [UInt8](repeating: 0xF6, count: 256))
        }
        #expect(throws: CBORValue.Fault.truncated) {
            try CBORValue(parsing: [0x9B, 0x7F, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF])
        }
        #expect(throws: CBORValue.Fault.truncated) {
            try CBORValue(parsing: [0x5B, 0x7F, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 1])
        }
    }
}
