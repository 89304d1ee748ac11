internal import Crypto
internal import Primitives

/// The two layers of encryption below the root key (VLT-1): a key for each user, and under it a key for each record, which
/// seals exactly one message. Pure; every box is bound to its row, so that none can be moved (VLT-2).
struct Envelope: Sendable {
    let rootKeyID: String
    private let wrapping: Secret

    init(_ root: RootKey) {
        rootKeyID = root.id
        wrapping = root.derive(purpose: "vault/user-key-wrap")
    }

    func makeUserKey(for user: UserID, at now: Timestamp) throws(CryptoError) -> WrappedUserKey {
        try wrap(Secret(Random.bytes(32)), keyID: Random.text(22), user: user, createdAt: now)
    }

    /// The same key under another root key (VLT-3).
    func rewrap(_ key: WrappedUserKey, under other: Envelope) throws(CryptoError) -> WrappedUserKey {
        try other.wrap(unwrap(key), keyID: key.keyID, user: key.user, createdAt: key.createdAt)
    }

    func seal(_ credential: Secret, user: UserID, engine: String, under key: WrappedUserKey, at now: Timestamp) throws(CryptoError)
        -> VaultRecord
    {
        let rowID = Random.text(22)
        let place = RecordPlace(rowID: rowID, user: user, engine: engine, keyID: key.keyID)
        let recordKey = Secret(Random.bytes(32))
        let wrapped = try recordKey.expose { bytes throws(CryptoError) in
            try AES256GCM.seal(bytes, key: unwrap(key), authenticating: place.associatedData("record-key"))
        }
        let data = place.associatedData("credential")
        let sealed = try credential.expose { bytes throws(CryptoError) in
            try AES256GCM.seal(bytes, key: recordKey, authenticating: data)
        }
        return VaultRecord(
            user: user, engine: engine, rowID: rowID, wrappedKey: wrapped, commitment: Self.commitment(recordKey, sealed, data),
            sealed: sealed, storedAt: now)
    }

    /// - Throws: `.notAuthentic` when any byte, or any of the places it belongs to, differs.
    func open(_ record: VaultRecord, of user: UserID, engine: String, under key: WrappedUserKey) throws(CryptoError) -> Secret {
        let place = RecordPlace(rowID: record.rowID, user: user, engine: engine, keyID: key.keyID)
        let recordKey = Secret(
            try AES256GCM.open(record.wrappedKey, key: unwrap(key), authenticating: place.associatedData("record-key")))
        let data = place.associatedData("credential")
        // AES-GCM does not commit to its key: without this, one ciphertext could open under two keys.
        guard ConstantTime.equal(record.commitment, Self.commitment(recordKey, record.sealed, data)) else {
            throw CryptoError(.notAuthentic)
        }
        return Secret(try AES256GCM.open(record.sealed, key: recordKey, authenticating: data))
    }

    /// A fresh service key, wrapped.
    func makeServiceKey() throws(CryptoError) -> [UInt8] { try wrapServiceKey(Secret(Random.bytes(32))) }

    func wrapServiceKey(_ key: Secret) throws(CryptoError) -> [UInt8] {
        try key.expose { bytes throws(CryptoError) in
            try AES256GCM.seal(bytes, key: wrapping, authenticating: serviceKeyData)
        }
    }

    /// - Throws: `.notAuthentic` under another root key.
    func unwrapServiceKey(_ wrapped: [UInt8]) throws(CryptoError) -> Secret {
        Secret(try AES256GCM.open(wrapped, key: wrapping, authenticating: serviceKeyData))
    }

    func opens(_ wrappedServiceKey: [UInt8]) -> Bool { (try? unwrapServiceKey(wrappedServiceKey)) != nil }

    private var serviceKeyData: [UInt8] { AssociatedData.encode(["vault_service_key", "1", "", "service-key", rootKeyID]) }

    func unwrap(_ key: WrappedUserKey) throws(CryptoError) -> Secret {
        Secret(try AES256GCM.open(key.wrapped, key: wrapping, authenticating: associatedData(key.keyID, key.user)))
    }

    private func wrap(_ key: Secret, keyID: String, user: UserID, createdAt: Timestamp) throws(CryptoError) -> WrappedUserKey {
        let wrapped = try key.expose { bytes throws(CryptoError) in
            try AES256GCM.seal(bytes, key: wrapping, authenticating: associatedData(keyID, user))
        }
        return WrappedUserKey(user: user, keyID: keyID, wrapped: wrapped, createdAt: createdAt)
    }

    private func associatedData(_ keyID: String, _ user: UserID) -> [UInt8] {
        AssociatedData.encode(["vault_user_keys", keyID, user.text, "user-key", rootKeyID])
    }

    private static func commitment(_ key: Secret, _ sealed: [UInt8], _ data: [UInt8]) -> [UInt8] {
        HMACSHA256(key: HKDF.derive(from: key, info: "gatehouse/v1/vault/commit")).code(for: sealed.prefix(12) + data)
    }
}

/// Where a record belongs.
private struct RecordPlace {
    let rowID: String
    let user: UserID
    let engine: String
    let keyID: String

    func associatedData(_ purpose: String) -> [UInt8] {
        AssociatedData.encode(["vault_records", rowID, user.text, purpose, engine, keyID])
    }
}

/// Fields with their lengths, led by the version of the format: no two lists of fields give the same bytes.
private enum AssociatedData {
    static func encode(_ fields: [String]) -> [UInt8] {
        var out: [UInt8] = Array("gatehouse-vault/1".utf8)
        for field in fields {
            let bytes = Array(field.utf8)
            for shift in [24, 16, 8, 0] { out.append(UInt8(truncatingIfNeeded: bytes.count >> shift)) }
            out += bytes
        }
        return out
    }
}
