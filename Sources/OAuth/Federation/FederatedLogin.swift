internal import Crypto
package import HTTP
package import Primitives

/// Signing in with an OpenID provider (oauth.md §15): code flow with PKCE, state and nonce of our own.
package struct FederatedLogin: Sendable {
    package let providers: [IdentityProvider]
    let server: AuthorizationServer
    let directory: any ProviderDirectory
    let identities: any IdentityStore
    let security: BrowserSecurity
    /// Seals what must come back with the answer.
    let stateKey: Secret

    package init(
        providers: [IdentityProvider], _ server: AuthorizationServer, directory: any ProviderDirectory,
        identities: any IdentityStore, security: BrowserSecurity, stateKey: Secret
    ) {
        self.providers = providers
        self.server = server
        self.directory = directory
        self.identities = identities
        self.security = security
        self.stateKey = stateKey
    }

    static let stateLifetime = Duration.seconds(600)

    package enum Outcome: Sendable {
        /// Signed in; go on with the transaction, or to the account when there is none.
        case user(User, transaction: String?, [Event])
        /// A fixed text for the person, and what to record.
        case refused(String, Event)
        case unavailable
    }

    package func provider(named name: String) -> IdentityProvider? { providers.first { $0.name == name } }

    private func redirectURI(_ provider: IdentityProvider) -> String { server.settings.issuer + "/callback/" + provider.name }

    /// Where to send the browser. Nil when the provider cannot be asked.
    package func begin(_ provider: IdentityProvider, transaction: String?, browser: Request, at now: Timestamp) async -> (
        url: String, cookie: String?
    )? {
        guard let metadata = try? await directory.metadata(of: provider) else { return nil }
        let known = security.cookieDigest(BrowserSecurity.browserCookie, browser)
        let fresh = known == nil ? BrowserSecurity.freshCookie() : nil
        guard let digest = known ?? fresh.map({ server.hasher.digest(of: $0) }) else { return nil }
        let (nonce, verifier) = (Base64.encode(Random.bytes(32)), Base64.encode(Random.bytes(32)))
        let state: JSONValue = [
            "p": .string(provider.name), "t": .string(orNull: transaction), "n": .string(nonce), "v": .string(verifier),
            "b": .string(Base64.encode(digest.bytes)), "x": .int((now + Self.stateLifetime).milliseconds),
            "i": .string(Base64.encode(Random.bytes(16))),
        ]
        guard let sealed = try? AES256GCM.seal(state.serialized, key: stateKey, authenticating: Array("oidc state".utf8)) else {
            return nil
        }
        var query: [(String, String)] = [
            ("response_type", "code"), ("client_id", provider.clientID), ("redirect_uri", redirectURI(provider)),
            ("scope", "openid profile email"), ("state", Base64.encode(sealed)), ("nonce", nonce),
            ("code_challenge", Base64.encode(SHA256.digest(Array(verifier.utf8)))), ("code_challenge_method", "S256"),
        ]
        if !provider.demands.assurances.isEmpty {
            query.append(("acr_values", provider.demands.assurances.joined(separator: " ")))
        }
        let text = query.map { "\($0.0)=\(PercentEncoding.encode($0.1))" }.joined(separator: "&")
        let separator = metadata.authorizationEndpoint.contains("?") ? "&" : "?"
        return (
            metadata.authorizationEndpoint + separator + text,
            fresh.map { Cookies.set(BrowserSecurity.browserCookie, $0, maxAge: .seconds(3600)) }
        )
    }

    /// `GET /callback/<name>`: the browser and the state are proven before the code is looked at (OP-3).
    package func finish(_ provider: IdentityProvider, _ request: Request, at now: Timestamp) async -> Outcome {
        guard let query = try? Parameters(parsing: request.query), query.firstRepeated() == nil,
            let state = await openState(query, provider, request, at: now)
        else {
            return refuse("state", provider, "This sign-in was opened in another browser, was finished before or took too long.")
        }
        do throws(MetadataFetchError) {
            let metadata = try await directory.metadata(of: provider)
            let issuer = query.all("iss").first
            guard issuer.map({ $0 == provider.issuer }) ?? !metadata.sendsIssuer else {
                return refuse("iss", provider, "The answer came from another provider.")
            }
            guard !query.contains("error"), let code = query.all("code").first else {
                return refuse("denied", provider, "\(provider.title) did not sign you in.")
            }
            var form: [(String, String)] = [
                ("grant_type", "authorization_code"), ("code", code), ("redirect_uri", redirectURI(provider)),
                ("client_id", provider.clientID), ("code_verifier", state.verifier),
            ]
            if let secret = provider.clientSecret { form.append(("client_secret", secret)) }
            let answer = try await directory.redeem(form, at: provider)
            guard let token = answer["id_token"]?.string else { return refuse("no id_token", provider, Self.notAccepted) }
            return await recognize(token, answer["access_token"]?.string, provider, state, at: now)
        } catch { return .unavailable }
    }

    private static let notAccepted = "The provider's answer cannot be accepted. Try again, or ask your administrator."

    private func recognize(
        _ token: String, _ accessToken: String?, _ provider: IdentityProvider, _ state: State, at now: Timestamp
    ) async -> Outcome {
        let claims: JSONObject
        do throws(IdentityToken.Refusal) {
            claims = try await IdentityToken(directory: directory).verify(
                token, from: provider, nonce: state.nonce, accessToken: accessToken, at: now)
        } catch { return refuse("id_token " + error.fault, provider, Self.notAccepted) }
        if let fault = provider.demands.fault(in: claims) {
            return refuse(
                "OP-5 " + fault, provider, "Your account at \(provider.title) may not sign in here. Ask your administrator.")
        }
        do throws(StoreError) {
            guard let user = try await account(claims, provider, at: now) else {
                return refuse("no account", provider, "You have no account here yet. Ask your administrator for one.")
            }
            guard !user.isDisabled else { return refuse("disabled", provider, Self.notAccepted) }
            var event = Event("auth.login", subject: user.name)
            event.details = [("method", "oidc"), ("idp", .string(provider.name))]
            return .user(user, transaction: state.transaction, [event])
        } catch { return .unavailable }
    }

    /// The user of an identity: linked before, or named by the configured claim on the first sign-in, or made.
    func account(_ claims: JSONObject, _ provider: IdentityProvider, at now: Timestamp) async throws(StoreError) -> User? {
        let subject = claims["sub"]?.string ?? ""
        if let id = try await identities.user(issuer: provider.issuer, subject: subject) { return try await server.users.user(id) }
        guard let name = provider.username(in: claims), UserName.isAcceptable(name) else { return nil }
        if let user = try await server.users.user(named: name) {
            // Without the administrator's word a provider does not take over an account by its name (OP-5): neither one with a
            // password nor one that is somebody's at another provider.
            let hasPassword = try await server.users.passwordHash(of: user.id) != nil
            let isSomebodys = try await identities.hasIdentity(user.id)
            guard provider.linksExisting || (!hasPassword && !isSomebodys) else { return nil }
            try await identities.link(issuer: provider.issuer, subject: subject, to: user.id, at: now)
            return user
        }
        guard let role = provider.newUserRole else { return nil }
        let user = User(id: UserID("u" + Random.text(21)), name: name, role: role, isDisabled: false, createdAt: now)
        try await server.users.insert(user, passwordHash: nil)
        try await identities.link(issuer: provider.issuer, subject: subject, to: user.id, at: now)
        return user
    }

    private struct State {
        let transaction: String?
        let nonce: String
        let verifier: String
    }

    private func openState(
        _ query: Parameters, _ provider: IdentityProvider, _ request: Request, at now: Timestamp
    ) async -> State? {
        guard let sealed = query.all("state").first.flatMap({ Base64.decode($0) }),
            let bytes = try? AES256GCM.open(sealed, key: stateKey, authenticating: Array("oidc state".utf8)),
            let state = try? JSONValue(parsing: bytes), state["p"]?.string == provider.name,
            let browser = security.cookieDigest(BrowserSecurity.browserCookie, request),
            state["b"]?.string == Base64.encode(browser.bytes), let expiry = state["x"]?.int,
            now < Timestamp(milliseconds: Int64(expiry)), let nonce = state["n"]?.string, let verifier = state["v"]?.string,
            let id = state["i"]?.string
        else { return nil }
        let digest = server.hasher.digest(of: "oidc\u{0}" + id)
        guard (try? await server.singleUses.claim(digest, until: Timestamp(milliseconds: Int64(expiry)), at: now)) == true else {
            return nil
        }
        return State(transaction: state["t"]?.string, nonce: nonce, verifier: verifier)
    }

    private func refuse(_ reason: String, _ provider: IdentityProvider, _ text: String) -> Outcome {
        var event = Event("auth.login", .failure, severity: .warning, reason: reason)
        event.details = [("method", "oidc"), ("idp", .string(provider.name))]
        return .refused(text, event)
    }
}
