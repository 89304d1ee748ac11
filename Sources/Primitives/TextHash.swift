/// A hash of text for tables in this process: a few instructions for every eight bytes, where `Hasher` spends dozens. Seeded
/// anew at each start, so that nobody who chooses names can choose their places.
package enum TextHash {
    private static let seed = UInt64.random(in: .min ... .max)

    package static func value(of text: String) -> UInt64 {
        unsafe text.withBytes { unsafe value(of: $0) }
    }

    private static func value(of bytes: UnsafeBufferPointer<UInt8>) -> UInt64 {
        var hash = seed ^ UInt64(truncatingIfNeeded: bytes.count)
        var index = 0
        while index + 8 <= bytes.count {
            let word = unsafe UnsafeRawBufferPointer(bytes).loadUnaligned(fromByteOffset: index, as: UInt64.self)
            hash = mix(hash ^ word)
            index += 8
        }
        var rest: UInt64 = 0
        while index < bytes.count {
            rest = rest << 8 | UInt64(unsafe bytes[index])
            index += 1
        }
        return mix(hash ^ rest)
    }

    /// Folds a full product: every input bit reaches every output bit.
    private static func mix(_ value: UInt64) -> UInt64 {
        let (high, low) = (value ^ 0x2D35_8DCC_AA6C_78A5).multipliedFullWidth(by: 0x8BB8_4B93_962E_ACC9)
        return high ^ low
    }
}
