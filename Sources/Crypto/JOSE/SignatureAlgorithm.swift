/// The signature algorithms accepted anywhere (AUTH-3, DP-1): asymmetric ones alone, so that no key can be taken for a shared
/// secret and `none` is not a word we know.
package enum SignatureAlgorithm: String, Sendable, CaseIterable {
    case es256 = "ES256"
    case edDSA = "EdDSA"
    case ps256 = "PS256"
    case rs256 = "RS256"
}
