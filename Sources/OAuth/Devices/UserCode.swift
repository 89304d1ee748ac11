internal import Crypto
internal import Primitives

/// The code a person types: `XXXX-XXXX` of twenty consonants (RFC 8628 §6.1; DEV-1), about 34 bits.
enum UserCode {
    private static let letters = Array("BCDFGHJKLMNPQRSTVWXZ".utf8)

    static func fresh() -> String {
        var text: [UInt8] = []
        while text.count < 8 {
            // 240 is the largest multiple of 20 in a byte: no letter is likelier than another.
            for byte in Random.bytes(16) where byte < 240 && text.count < 8 { text.append(letters[Int(byte) % letters.count]) }
        }
        return shown(String(decoding: text, as: UTF8.self))
    }

    /// As typed, brought to one form: case, dashes and blanks do not matter. Nil when it cannot be a code.
    static func normalized(_ text: String) -> String? {
        let typed = text.uppercased().utf8.filter { $0 != UInt8(ascii: "-") && $0 != UInt8(ascii: " ") }
        guard typed.count == 8, typed.allSatisfy(letters.contains) else { return nil }
        return shown(String(decoding: typed, as: UTF8.self))
    }

    private static func shown(_ eight: String) -> String { eight.prefix(4) + "-" + eight.suffix(4) }
}
