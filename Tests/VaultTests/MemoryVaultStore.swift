import Primitives
import Synchronization
import Vault

/// The rows of a vault where a test can alter and move them.
final class MemoryVaultStore: VaultStore {
    struct Rows: Sendable {
        var serviceKey: [UInt8]?
        var keys: [UserID: WrappedUserKey] = [:]
        var records: [Place: VaultRecord] = [:]
    }

    struct Place: Hashable, Sendable {
        let user: UserID
        let engine: String
        init(_ user: UserID, _ engine: String) {
            self.user = user
            self.engine = engine
        }
    }

    let rows = Mutex(Rows())

    func serviceKey() async throws(VaultError) -> [UInt8]? { rows.withLock { $0.serviceKey } }
    func insertServiceKey(_ wrapped: [UInt8]) async throws(VaultError) {
        rows.withLock { $0.serviceKey = $0.serviceKey ?? wrapped }
    }
    func userKey(of user: UserID) async throws(VaultError) -> WrappedUserKey? { rows.withLock { $0.keys[user] } }
    func insertUserKey(_ key: WrappedUserKey, under serviceKey: [UInt8]) async throws(VaultError) {
        rows.withLock { rows in
            if rows.serviceKey == serviceKey { rows.keys[key.user] = rows.keys[key.user] ?? key }
        }
    }
    func userKeys() async throws(VaultError) -> [WrappedUserKey] { rows.withLock { Array($0.keys.values) } }
    func replaceKeys(
        serviceKey: (old: [UInt8], new: [UInt8]), userKeys: [(old: WrappedUserKey, new: WrappedUserKey)]
    ) async throws(VaultError) -> Bool {
        rows.withLock { rows in
            guard rows.serviceKey == serviceKey.old, rows.keys.count == userKeys.count else { return false }
            rows.serviceKey = serviceKey.new
            for pair in userKeys { rows.keys[pair.new.user] = pair.new }
            return true
        }
    }
    func put(_ record: VaultRecord) async throws(VaultError) {
        rows.withLock { $0.records[Place(record.user, record.engine)] = record }
    }
    func record(of user: UserID, engine: String) async throws(VaultError) -> (key: WrappedUserKey, record: VaultRecord)? {
        rows.withLock { rows in
            guard let key = rows.keys[user], let record = rows.records[Place(user, engine)] else { return nil }
            return (key, record)
        }
    }
    func entries(of user: UserID) async throws(VaultError) -> [VaultEntry] {
        rows.withLock { rows in
            rows.records.values.filter { $0.user == user }.sorted { $0.engine < $1.engine }.map {
                VaultEntry(engine: $0.engine, storedAt: $0.storedAt, lastOKAt: nil, isRejected: false)
            }
        }
    }
    func mark(_ user: UserID, engine: String, isRejected: Bool, at now: Timestamp) async throws(VaultError) {}
    func remove(_ user: UserID, engine: String) async throws(VaultError) -> Bool {
        rows.withLock { $0.records.removeValue(forKey: Place(user, engine)) != nil }
    }
}
