package import Primitives

/// Fetches the document a client id points to, through the outbound guard of oauth.md §20. `App` joins it to libcurl.
package protocol ClientMetadataFetcher: Sendable {
    /// The body of a 200 answer in JSON, at most 5 KiB, and how long it may be kept in seconds when the answer said so.
    /// - Throws: `MetadataFetchError`.
    func fetch(_ url: String) async throws(MetadataFetchError) -> (body: [UInt8], maxAge: Int?)
}

/// Why a client's document could not be had; `reason` is for the audit log only (SSRF-5).
package struct MetadataFetchError: Error, Sendable {
    package let reason: String
    /// True when an address or URL rule refused before anything was sent.
    package let isBlocked: Bool

    package init(reason: String, isBlocked: Bool) {
        self.reason = reason
        self.isBlocked = isBlocked
    }
}

/// Finds a client: stored first, then by its document when the id is an https URL (CLI-1).
package struct ClientResolver: Sendable {
    let store: any ClientStore
    /// Nil when metadata documents are off.
    let fetcher: (any ClientMetadataFetcher)?
    let redirectSchemes: Set<String>
    let hosts: ClientHosts

    /// An expired document serves clients that already have grants for this long (CIMD-4).
    static let staleLimit = Duration.seconds(7 * 86_400)

    package init(
        store: any ClientStore, fetcher: (any ClientMetadataFetcher)?, redirectSchemes: Set<String>,
        hosts: ClientHosts = ClientHosts()
    ) {
        self.hosts = hosts
        self.store = store
        self.fetcher = fetcher
        self.redirectSchemes = redirectSchemes
    }

    /// A client whose document an administrator supplies, for hosts we cannot fetch from (CIMD-5).
    /// - Throws: `MetadataFetchError` whose reason names what is wrong with URL or document.
    package static func pinned(
        _ document: [UInt8], url: String, redirectSchemes: Set<String>, at now: Timestamp
    ) throws(MetadataFetchError) -> Client {
        guard MetadataDocument.isClientURL(url) else {
            throw MetadataFetchError(reason: "the id is no https URL with a path", isBlocked: false)
        }
        var client = try MetadataDocument(document, url: url, redirectSchemes: redirectSchemes)
            .client(at: now, maxAge: nil, replacing: nil)
        client.isPinned = true
        return client
    }

    /// A stored client, for the token endpoint: whoever holds a code or token was stored before. Nil when unknown.
    func client(_ id: ClientID, at now: Timestamp) async throws(OAuthError) -> Client? {
        guard (1...512).contains(id.text.utf8.count) else { return nil }
        do { return try await store.client(id, at: now) } catch { throw error.refusal }
    }

    /// A client that asks for authorization. Nil when unknown or when its document is refused.
    func clientForAuthorization(_ id: ClientID, at now: Timestamp) async throws(OAuthError) -> (client: Client?, events: [Event]) {
        // Nothing is fetched from a host that is not wanted (CIMD-9).
        if MetadataDocument.isClientURL(id.text), hosts.judge(host: RedirectURI.displayHost(id.text)) == .refused,
            try await client(id, at: now)?.kind != .preregistered
        {
            return (nil, [Self.unwanted(id)])
        }
        let found = try await find(id, at: now)
        guard let client = found.client, hosts.judge(client) == .refused else { return found }
        return (nil, found.events + [Self.unwanted(id)])
    }

    private static func unwanted(_ id: ClientID) -> Event {
        Event("client.metadata.rejected", .denied, severity: .warning, reason: "CIMD-9", client: id)
    }

    private func find(_ id: ClientID, at now: Timestamp) async throws(OAuthError) -> (client: Client?, events: [Event]) {
        let stored = try await client(id, at: now)
        guard let fetcher, MetadataDocument.isClientURL(id.text) else { return (stored, []) }
        if let stored, stored.kind != .metadata { return (stored, []) }
        if let stored, stored.isPinned { return (stored, []) }
        if let stored, let fresh = stored.metadataFreshUntil, now < fresh { return (stored, []) }
        let outcome = await refresh(id, stored, fetcher, at: now)
        switch outcome {
        case .success(let fetched):
            do { try await store.upsert(fetched) } catch { throw error.refusal }
            let isChanged = stored.map { $0.metadataHash != fetched.metadataHash } ?? false
            // Consent is asked every time, so a change needs no other remedy than to be on record (CIMD-6).
            return (
                fetched,
                [Event("client.metadata.fetched", client: id)]
                    + (isChanged ? [Event("client.metadata.changed", severity: .warning, reason: "CIMD-6", client: id)] : [])
            )
        case .failure(let error):
            let isServable = stored?.lastUsedAt != nil && stored?.metadataFreshUntil.map { now - $0 <= Self.staleLimit } ?? false
            let name = error.isBlocked ? "ssrf.blocked" : "client.metadata.rejected"
            return (isServable ? stored : nil, [Event(name, .denied, severity: .warning, reason: error.reason, client: id)])
        }
    }

    private func refresh(
        _ id: ClientID, _ stored: Client?, _ fetcher: any ClientMetadataFetcher, at now: Timestamp
    ) async -> Result<Client, MetadataFetchError> {
        do throws(MetadataFetchError) {
            let (body, maxAge) = try await fetcher.fetch(id.text)
            let document = try MetadataDocument(body, url: id.text, redirectSchemes: redirectSchemes)
            return .success(document.client(at: now, maxAge: maxAge, replacing: stored))
        } catch { return .failure(error) }
    }
}
