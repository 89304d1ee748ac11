internal import COpenSSL

/// The system's random numbers, through OpenSSL's generator.
package enum Random {
    /// - Parameter count: bytes, at least 1.
    package static func bytes(_ count: Int) -> [UInt8] {
        unsafe [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
            // Without randomness nothing here may go on: keys and tokens would be guessable.
            precondition(unsafe RAND_bytes(buffer.baseAddress, CInt(count)) == 1, "the system's random generator failed")
            filled = count
        }
    }

    /// Base62 characters, each equally likely; 43 of them hold 256 bits.
    package static func text(_ count: Int) -> String {
        var out: [UInt8] = []
        out.reserveCapacity(count)
        while out.count < count {
            for byte in bytes(count + 16) where byte < 248 && out.count < count {  // 4 × 62: no value is favoured
                out.append(base62(byte % 62))
            }
        }
        return String(decoding: out, as: UTF8.self)
    }

    private static func base62(_ value: UInt8) -> UInt8 {
        switch value {
        case 0..<10: 0x30 + value
        case 10..<36: 0x41 + value - 10
        default: 0x61 + value - 36
        }
    }
}

/// Comparison whose time does not tell where two values differ.
package enum ConstantTime {
    package static func equal(_ a: [UInt8], _ b: [UInt8]) -> Bool {
        guard a.count == b.count, !a.isEmpty else { return a.count == b.count }
        return unsafe CRYPTO_memcmp(a, b, a.count) == 0
    }
}
