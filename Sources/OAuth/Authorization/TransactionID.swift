internal import Crypto
internal import Primitives

/// Names a login transaction in a hidden field. Useless without the cookie of its browser.
enum TransactionID {
    static func fresh() -> String { Base64.encode(Random.bytes(32)) }
    static func isWellFormed(_ text: String) -> Bool { text.utf8.count == 43 && Base64.decode(text) != nil }
}
