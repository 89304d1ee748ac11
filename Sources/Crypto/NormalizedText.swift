@_spi(_Unicode) import Swift

extension String {
    /// In normalisation form C (UAX 15), so that a password is the same however a keyboard composed its characters (PW-2).
    /// The standard library offers this to the toolchain's own packages alone; decision 0130 says why it is used.
    package var normalizedFormC: String {
        guard !utf8.allSatisfy({ $0 < 0x80 }) else { return self }
        var scalars = String.UnicodeScalarView()
        for scalar in _nfc { scalars.append(scalar) }
        return String(scalars)
    }
}
