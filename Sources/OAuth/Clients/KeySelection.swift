internal import Crypto
internal import Primitives

/// Finds the key that signed among those published.
enum KeySelection {
    /// Signatures tried for one JWS that names no key, or several of the same name: a stranger's set must not keep a loop busy.
    private static let most = 8

    /// Keys of a set that could have made the signature: of the named id when one is named. Members of kinds we do not know are
    /// passed over (RFC 7517 §5).
    static func candidates(in set: JSONValue, for jws: JSONWebSignature) -> [JSONWebKey] {
        let keys = (set["keys"]?.array ?? []).prefix(32).compactMap { try? JSONWebKey($0) }
        guard let keyID = jws.header["kid"]?.string else { return Array(keys.prefix(most)) }
        return Array(keys.filter { $0.keyID == keyID }.prefix(most))
    }

    /// True when one of the published keys signed it. An unknown key id asks a fetched set once more.
    static func isSigned(
        _ jws: JSONWebSignature, by keys: Client.Keys, from source: any KeySetSource
    ) async throws(MetadataFetchError) -> Bool {
        switch keys {
        case .set(let set): return candidates(in: set, for: jws).contains(where: jws.isSigned)
        case .subject, .alternativeName: return false
        case .uri(let uri):
            var found = candidates(in: try await source.keySet(at: uri, refreshing: false), for: jws)
            if found.isEmpty { found = candidates(in: try await source.keySet(at: uri, refreshing: true), for: jws) }
            return found.contains(where: jws.isSigned)
        }
    }
}
