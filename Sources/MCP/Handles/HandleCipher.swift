/// Authenticated encryption for what clients keep for us. `Crypto` has it, `App` joins the two.
package protocol HandleCipher: Sendable {
    /// Key id, nonce, ciphertext and tag in one; each call gives other bytes.
    /// - Parameter context: authenticated, not stored: `open` needs the same bytes.
    func seal(_ plain: [UInt8], authenticating context: [UInt8]) -> [UInt8]

    /// Nil when key, context or any byte differ, without saying which.
    func open(_ box: [UInt8], authenticating context: [UInt8]) -> [UInt8]?
}
