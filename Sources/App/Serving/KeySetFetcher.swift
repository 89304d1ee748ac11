import Client
import HTTP
import OAuth
import Primitives
import Synchronization

/// JWK sets through the guarded client, each kept for five minutes (AUTH-3, OP-1).
final class KeySetFetcher: KeySetSource {
    private struct Entry: Sendable {
        let set: JSONValue
        let fetchedAt: MonotonicTime
    }

    private static let lifetime = Duration.seconds(300)
    /// An unknown key id asks again no sooner than this.
    private static let refreshInterval = Duration.seconds(60)
    private static let capacity = 256

    private let guarded: GuardedFetcher
    private let entries = Mutex<[String: Entry]>([:])

    init(client: HTTPClient, sleeper: any Sleeper, server: Configuration.Server) {
        var rules = GuardedFetcher.Rules(server)
        rules.maximumBytes = 64 * 1024
        guarded = GuardedFetcher(
            client: client, resolver: SystemResolver(sleeper: sleeper), limiter: FetchLimiter(perMinute: 6, burst: 3),
            sleeper: sleeper, rules: rules)
    }

    func keySet(at url: String, refreshing: Bool) async throws(MetadataFetchError) -> JSONValue {
        let now = MonotonicTime.now()
        if let entry = entries.withLock({ $0[url] }) {
            let age = now - entry.fetchedAt
            if age < (refreshing ? Self.refreshInterval : Self.lifetime) { return entry.set }
        }
        let body: [UInt8]
        do throws(GuardError) { body = try await guarded.fetch(url).body } catch {
            throw MetadataFetchError(reason: error.reason, isBlocked: error.isBlocked)
        }
        guard let set = try? JSONValue(parsing: body), set["keys"]?.array != nil else {
            throw MetadataFetchError(reason: "key set is no JWK set", isBlocked: false)
        }
        entries.withLock { entries in
            if entries.count >= Self.capacity { entries.removeAll() }
            entries[url] = Entry(set: set, fetchedAt: now)
        }
        return set
    }
}
