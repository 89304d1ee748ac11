/// The few ASN.1 DER forms of public keys and ECDSA signatures (X.690; RFC 5480, RFC 3279, RFC 8410).
enum DER {
    static func element(_ tag: UInt8, _ content: [UInt8]) -> [UInt8] {
        var out: [UInt8] = [tag]
        switch content.count {
        case ..<0x80: out.append(UInt8(content.count))
        case ..<0x100: out += [0x81, UInt8(content.count)]
        default: out += [0x82, UInt8(content.count >> 8), UInt8(content.count & 0xFF)]
        }
        return out + content
    }

    static func sequence(_ parts: [UInt8]...) -> [UInt8] { element(0x30, parts.flatMap { $0 }) }
    static func bitString(_ content: [UInt8]) -> [UInt8] { element(0x03, [0] + content) }

    /// A non-negative INTEGER of big-endian bytes.
    static func integer(_ magnitude: [UInt8]) -> [UInt8] {
        var bytes = Array(magnitude.drop { $0 == 0 })
        if bytes.isEmpty { bytes = [0] }
        if bytes[0] & 0x80 != 0 { bytes.insert(0, at: 0) }
        return element(0x02, bytes)
    }

    /// The two INTEGERs of an `Ecdsa-Sig-Value`, each padded to `width` bytes; nil when the bytes are none.
    static func signatureParts(_ der: [UInt8], width: Int) -> [UInt8]? {
        guard der.count >= 8, der[0] == 0x30, der[1] < 0x80, Int(der[1]) == der.count - 2 else { return nil }
        var place = 2
        var out: [UInt8] = []
        for _ in 0..<2 {
            guard place + 2 <= der.count, der[place] == 0x02 else { return nil }
            let end = place + 2 + Int(der[place + 1])
            guard der[place + 1] < 0x80, end <= der.count else { return nil }
            let magnitude = der[(place + 2)..<end].drop { $0 == 0 }
            guard magnitude.count <= width else { return nil }
            out += [UInt8](repeating: 0, count: width - magnitude.count) + magnitude
            place = end
        }
        return place == der.count ? out : nil
    }
}
