internal import Crypto
internal import HTTP
internal import Primitives

/// Proves which client calls a token endpoint (AUTH-1, AUTH-2, CLI-4).
struct ClientAuthentication: Sendable {
    let clients: ClientResolver
    let hasher: TokenHasher
    let throttle: any LoginThrottle
    let assertions: AssertionVerifier

    /// A failure with the challenge it deserves.
    struct Failure: Error {
        let error: OAuthError
        let usedBasic: Bool
        /// When to come back, for a client whose secret was wrong too often (CLI-5).
        var wait: Duration?
        var response: Response {
            guard let wait else { return error.response(offeringBasic: usedBasic) }
            var response = error.response()
            response.fields.set(.retryAfter, "\(wait.secondsRoundedUp)")  // instead of the one every such answer has
            response.status = .tooManyRequests
            return response
        }
    }

    func authenticate(
        _ request: Request, _ form: Parameters, in context: RequestContext, at now: Timestamp
    ) async throws(Failure) -> Client {
        let address = context.peer
        if form.contains("client_assertion") || form.contains("client_assertion_type") {
            return try await authenticateByAssertion(request, form, at: now)
        }
        let basic = try Self.basicCredentials(request)
        let usedBasic = basic != nil
        let posted: (id: String?, secret: String?)
        do {
            posted = (try form.single("client_id"), try form.single("client_secret"))
        } catch { throw Failure(error: OAuthError(.invalidRequest, "A parameter is repeated.", rule: "COM-3"), usedBasic: false) }
        if usedBasic, posted.secret != nil {
            throw Failure(
                error: OAuthError(.invalidRequest, "Use one way of client authentication.", rule: "AUTH-1"), usedBasic: false)
        }
        if let basic, let id = posted.id, id != basic.id { throw Self.refused(usedBasic) }
        guard let id = basic?.id ?? posted.id else { throw Self.refused(usedBasic) }
        let client: Client?
        do { client = try await clients.client(ClientID(id), at: now) } catch {
            throw Failure(error: error, usedBasic: false)
        }
        guard let client else { throw Self.refused(usedBasic) }
        if client.authenticationMethod == .certificate, !usedBasic, posted.secret == nil {
            return try authenticateByCertificate(client, context.clientCertificate)
        }
        let secret = basic?.secret ?? posted.secret
        let attempt = LoginAttempt(account: "client\u{0}" + client.id.text, address: address)
        if secret != nil, let wait = throttle.delay(attempt) { throw Self.throttled(wait, client) }
        do { try check(client, secret: secret, usedBasic: usedBasic) } catch {
            if secret != nil { _ = await throttle.failed(attempt) }
            throw error
        }
        if secret != nil { await throttle.succeeded(attempt) }
        return client
    }

    private func authenticateByAssertion(_ request: Request, _ form: Parameters, at now: Timestamp) async throws(Failure) -> Client
    {
        guard !request.fields.contains(.authorization), !form.contains("client_secret") else {
            throw Failure(
                error: OAuthError(.invalidRequest, "Use one way of client authentication.", rule: "AUTH-1"), usedBasic: false)
        }
        guard form.all("client_assertion_type").first == AssertionVerifier.type, let assertion = form.all("client_assertion").first,
            let name = AssertionVerifier.issuer(of: assertion), form.all("client_id").first.map({ $0 == name }) ?? true
        else { throw Self.refused(false) }
        do throws(OAuthError) {
            guard let client = try await clients.client(ClientID(name), at: now), client.authenticationMethod == .privateKey else {
                throw Self.refused(false).error
            }
            let fault: String?
            do { fault = try await assertions.fault(of: assertion, client: client, at: now) } catch { throw error.refusal }
            if let fault { throw Self.refused(false, client, reason: "AUTH-3 " + fault).error }
            return client
        } catch { throw Failure(error: error, usedBasic: false) }
    }

    /// RFC 8705 §2.1: the certificate came in our own handshake, so that its chain and key are proven; the name decides.
    private func authenticateByCertificate(_ client: Client, _ shown: ClientCertificate?) throws(Failure) -> Client {
        let isOurs =
            switch client.keys {
            case .subject(let name): shown?.commonName == name
            case .alternativeName(let name): shown?.alternativeNames.contains(name) ?? false
            default: false
            }
        guard isOurs else { throw Self.refused(false, client, reason: "AUTH-4") }
        return client
    }

    private static func throttled(_ wait: Duration, _ client: Client) -> Failure {
        var failure = Failure(
            error: OAuthError(
                .temporarilyUnavailable, "Too many wrong secrets. Wait, then try again.", rule: "CLI-5",
                events: [Event("clientauth.failed", .denied, severity: .warning, reason: "CLI-5", client: client.id)]),
            usedBasic: false)
        failure.wait = wait
        return failure
    }

    private func check(_ client: Client, secret: String?, usedBasic: Bool) throws(Failure) {
        let isRight: Bool
        switch client.authenticationMethod {
        case .none: isRight = secret == nil && !usedBasic  // a public client sending a secret is confused (CLI-4)
        case .post: isRight = !usedBasic && matches(secret, client)
        case .basic: isRight = usedBasic && matches(secret, client)
        case .privateKey, .certificate: isRight = false  // these have ways of their own
        }
        guard isRight else { throw Self.refused(usedBasic, client) }
    }

    private func matches(_ secret: String?, _ client: Client) -> Bool {
        guard let secret, let digest = client.secretDigest, TokenFormat.kind(of: Array(secret.utf8)) == .clientSecret else {
            return false
        }
        return ConstantTime.equal(hasher.digest(of: secret).bytes, digest.bytes)
    }

    /// One answer for unknown, deleted and wrong: Claude registers again on exactly this (AUTH-2).
    private static func refused(_ usedBasic: Bool, _ client: Client? = nil, reason: String = "AUTH-2") -> Failure {
        Failure(
            error: OAuthError(
                .invalidClient, "Client authentication failed.", rule: "AUTH-2",
                events: [Event("clientauth.failed", .failure, severity: .warning, reason: reason, client: client?.id)]),
            usedBasic: usedBasic)
    }

    /// RFC 6749 §2.3.1: each half is form-urlencoded before Base64.
    private static func basicCredentials(_ request: Request) throws(Failure) -> (id: String, secret: String)? {
        guard request.fields.contains(.authorization) else { return nil }
        guard let value = request.fields.single(.authorization), value.utf8.count <= 4096 else { throw refused(true) }
        let parts = value.split(separator: " ", maxSplits: 1)
        guard parts.count == 2, parts[0].lowercased() == "basic", let raw = Base64.decode(parts[1], .standard),
            let colon = raw.firstIndex(of: UInt8(ascii: ":")),
            let id = PercentEncoding.decode(raw[..<colon], form: true),
            let secret = PercentEncoding.decode(raw[(colon + 1)...], form: true)
        else { throw refused(true) }
        return (id, secret)
    }
}
