package import HTTP
package import Primitives
internal import Synchronization

/// Fetches small JSON documents from URLs that strangers chose, without becoming their door to our own network
/// (oauth.md §20). Every address of the host is judged, the connection goes to one that was judged and to no other, and
/// nothing that comes back can send us elsewhere.
package final class GuardedFetcher: Sendable {
    /// The rules of one fetcher; the defaults are those of production.
    package struct Rules: Sendable {
        /// The one port asked.
        package var port = 443
        package var isForbidden: @Sendable (IPAddress) -> Bool = { AddressRules.isForbidden($0) }
        /// Our own public name; lower case. Nothing is fetched from it (SSRF-3).
        package var ownHost: String?
        /// Public addresses that lead to us and are on no interface, such as a balancer's.
        package var ownNetworks: [Network] = []
        package var interfaces: @Sendable () -> Set<IPAddress> = { OwnAddresses.current() }
        package var connectTimeout = Duration.seconds(2)
        /// For everything, from the first name lookup on.
        package var timeout = Duration.seconds(5)
        /// In bytes (CIMD-2).
        package var maximumBytes = 5 * 1024
        /// Fetches running at once; more are refused.
        package var concurrency = 8
        /// A failure takes a multiple of this, so that its time tells little about what lies behind (SSRF-5).
        package var timeBucket = Duration.milliseconds(500)

        package init() {}
    }

    private typealias Outcome = Result<(body: [UInt8], maxAge: Int?), GuardError>

    /// Addresses tried when the first ones do not answer.
    private static let maximumAddresses = 3

    private let client: HTTPClient
    private let resolver: any HostResolver
    private let limiter: FetchLimiter
    private let breaker = HostBreaker()
    private let sleeper: any Sleeper
    private let clock: @Sendable () -> MonotonicTime
    private let rules: Rules
    private let flights = Mutex<[String: Task<Outcome, Never>]>([:])

    package init(
        client: HTTPClient, resolver: any HostResolver, limiter: FetchLimiter = FetchLimiter(), sleeper: any Sleeper,
        clock: @escaping @Sendable () -> MonotonicTime = { .now() }, rules: Rules = Rules()
    ) {
        self.client = client
        self.resolver = resolver
        self.limiter = limiter
        self.sleeper = sleeper
        self.clock = clock
        self.rules = rules
    }

    /// The document and for how many seconds its server lets it be kept. Callers who ask for one URL at once share one fetch.
    package func fetch(_ url: String) async throws(GuardError) -> (body: [UInt8], maxAge: Int?) {
        let start = clock()
        do throws(GuardError) {
            return try await flight(to: try GuardedURL(url, port: rules.port)).value.get()
        } catch {
            await pad(since: start)
            throw error
        }
    }

    /// The running fetch of that URL, or a new one. It is awaited by all who asked and ends within the timeout.
    private func flight(to url: GuardedURL) throws(GuardError) -> Task<Outcome, Never> {
        let joined: Result<Task<Outcome, Never>, GuardError> = flights.withLock { flights in
            if let running = flights[url.text] { return .success(running) }
            guard flights.count < rules.concurrency else { return .failure(GuardError("too many fetches")) }
            guard breaker.admits(url.host, at: clock()) else { return .failure(GuardError("host keeps failing")) }
            guard limiter.admit(url.host, at: clock()) else { return .failure(GuardError("too many fetches from this host")) }
            let task = Task { [self] in
                let outcome = await outcome(of: url)
                breaker.note(outcome, of: url.host, at: clock())
                _ = self.flights.withLock { $0.removeValue(forKey: url.text) }
                return outcome
            }
            flights[url.text] = task
            return .success(task)
        }
        return try joined.get()
    }

    private func outcome(of url: GuardedURL) async -> Outcome {
        do throws(GuardError) { return .success(try await load(url)) } catch { return .failure(error) }
    }

    private func load(_ url: GuardedURL) async throws(GuardError) -> (body: [UInt8], maxAge: Int?) {
        let deadline = clock() + rules.timeout
        guard url.host != rules.ownHost else { throw GuardError("host is our own", isBlocked: true) }
        let addresses = try await resolver.addresses(of: url.host)
        // One bad address condemns the name: picking "the first public one" is what rebinding counts on (SSRF-2).
        guard !addresses.isEmpty, !addresses.contains(where: rules.isForbidden) else {
            throw GuardError("host has a forbidden address", isBlocked: true)
        }
        let own = rules.interfaces()
        guard
            !addresses.contains(where: { address in
                own.contains(address) || rules.ownNetworks.contains { $0.contains(address) }
            })
        else {
            throw GuardError("host has an address of ours", isBlocked: true)
        }
        var failure = GuardError("timed out")
        for address in addresses.prefix(Self.maximumAddresses) {
            let left = deadline - clock()
            guard left > .zero else { break }
            let answer: OutboundResponse
            do throws(ClientError) {
                answer = try await client.send(request(url, to: address, within: left))
            } catch {
                failure = Self.reason(error)
                guard !error.mayHaveBeenSent, error.code == .connect || error.code == .timeout else { throw failure }
                continue
            }
            return try accept(answer)
        }
        throw failure
    }

    private func request(_ url: GuardedURL, to address: IPAddress, within left: Duration) -> OutboundRequest {
        var request = OutboundRequest(
            .get, url.text, fields: [("Accept", "application/json"), ("Accept-Encoding", "identity")],
            connectTimeout: rules.connectTimeout, timeout: left, maximumResponseBytes: rules.maximumBytes)
        request.pinnedAddress = address
        return request
    }

    /// Exactly 200, JSON, as it is (CIMD-2).
    private func accept(_ answer: OutboundResponse) throws(GuardError) -> (body: [UInt8], maxAge: Int?) {
        guard answer.status == 200 else {
            throw GuardError((300..<400).contains(answer.status) ? "answer is a redirect" : "answer is not 200")
        }
        guard let type = MediaType(answer.fields.single(.contentType))?.essence,
            type == "application/json" || type.hasPrefix("application/") && type.hasSuffix("+json")
        else { throw GuardError("answer is not JSON") }
        let encodings = answer.fields.all(FieldName("content-encoding"))
        guard encodings.allSatisfy({ $0.lowercased() == "identity" }) else { throw GuardError("answer is encoded") }
        return (answer.body, CacheLifetime.seconds(answer.fields))
    }

    private static func reason(_ error: ClientError) -> GuardError {
        switch error.code {
        case .resolve, .connect: GuardError("no connection")
        case .tls: GuardError("TLS failed")
        case .timeout: GuardError("timed out")
        case .tooLarge: GuardError("answer is too large")
        case .cancelled, .busy: GuardError("too many requests")
        case .invalidRequest, .transport: GuardError("connection broke")
        }
    }

    private func pad(since start: MonotonicTime) async {
        let bucket = max(1, rules.timeBucket.milliseconds)
        let passed = max(0, (clock() - start).milliseconds)
        try? await sleeper.sleep(for: .milliseconds(bucket - passed % bucket))
    }
}

extension HostBreaker {
    /// A host that was refused by rule did not fail: it was not asked.
    fileprivate func note<T>(_ outcome: Result<T, GuardError>, of host: String, at now: MonotonicTime) {
        switch outcome {
        case .success: succeeded(host)
        case .failure(let error) where !error.isBlocked: failed(host, at: now)
        case .failure: break
        }
    }
}
