internal import Glibc
internal import Primitives

/// Makes request ids of one loop: 75 random bits in 15 characters, which a `String` holds without allocating. Not secret,
/// hence no system call each; seeded from the kernel, so that two loops or runs do not meet.
struct RequestIDs {
    private var state: (UInt64, UInt64)

    init() {
        var seed: (UInt64, UInt64) = (0, 0)
        let filled = unsafe withUnsafeMutableBytes(of: &seed) { unsafe getentropy($0.baseAddress, $0.count) } == 0
        if !filled || seed == (0, 0) { seed = (UInt64(bitPattern: MonotonicTime.now().nanoseconds), 0x9E37_79B9_7F4A_7C15) }
        state = seed
    }

    mutating func next() -> RequestID {
        var bits = random()
        let text = unsafe String(unsafeUninitializedCapacity: 15) { out in
            for index in 0..<15 {
                if index == 8 { bits = random() }
                // Crockford's alphabet without capitals: no character is mistaken for another over the telephone.
                let alphabet: StaticString = "0123456789abcdefghjkmnpqrstvwxyz"
                unsafe out[index] = alphabet.utf8Start[Int(bits & 31)]
                bits >>= 5
            }
            return 15
        }
        return RequestID(text)
    }

    /// xoroshiro128+.
    private mutating func random() -> UInt64 {
        let (a, b) = (state.0, state.1 ^ state.0)
        let result = state.0 &+ state.1
        state.0 = (a << 24 | a >> 40) ^ b ^ (b << 16)
        state.1 = b << 37 | b >> 27
        return result >> 4
    }
}
