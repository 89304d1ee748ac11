import Client
import Crypto
import HTTP
import OAuth
import Primitives

/// Walks the way a client such as Claude takes from a pasted URL to its first call, and stops at the first step that fails.
struct ClientReplay {
    let configuration: Configuration
    let browser: DoctorBrowser
    /// Where we look from; the issuer as clients see it.
    let base: String

    private var issuer: String { configuration.server.publicURL }
    private var path: String { configuration.oauthSettings.resources.first?.path ?? "/mcp" }
    private var mcp: String { base + path }

    /// Where Claude has its answers sent. Nothing is sent there: the code is taken from the redirect.
    private static let callback = "https://claude.ai/api/mcp/auth_callback"

    private var authorizationURL = ""
    private var tokenURL = ""
    private var registrationURL: String?
    private var client: (id: String, management: String?, token: Secret?) = ("", nil, nil)

    init(configuration: Configuration, browser: DoctorBrowser, base: String) {
        self.configuration = configuration
        self.browser = browser
        self.base = base.hasSuffix("/") ? String(base.dropLast()) : base
    }

    /// Why a step ended, and what to do about it.
    private struct Fault: Error {
        let detail: String
        let remedy: String
        var isSkip = false

        init(_ detail: String, _ remedy: String, isSkip: Bool = false) {
            self.detail = detail
            self.remedy = remedy
            self.isSkip = isSkip
        }

        init(_ error: ClientError, _ url: String) {
            switch error.code {
            case .resolve: self.init("\(url): the name has no address.", "Add a DNS record for it.")
            case .connect, .timeout:
                self.init(
                    "\(url): nobody answers.", "See that the server runs, and that firewall and port forward let 443 through to it."
                )
            case .tls:
                self.init(
                    "\(url): the certificate is not trusted (\(error.detail)).",
                    "Serve the whole chain of a public authority; with one of your own, give its file with --ca-file.")
            default: self.init("\(url): \(error).", "See the server's log.")
            }
        }
    }

    mutating func run(user: String?, password: Secret?, _ list: inout CheckList) async {
        var tokens: (access: Secret, refresh: Secret?)?
        do throws(Fault) {
            list.add("1 challenge", .ok, try await challenge())
            list.add("2 server metadata", .ok, try await discovery())
            list.add("3 registration", .ok, try await register())
            let verifier = Random.text(64)
            let form = try await authorize(verifier)
            list.add("4 authorization", .ok, "the sign-in page is there")
            guard let user, let password else {
                list.add(
                    "5 sign-in", .skipped, "no user was named", remedy: "Say --user NAME --password-stdin to go all the way.")
                return await forget()
            }
            let code = try await signIn(form, user, password)
            list.add("5 sign-in and consent", .ok, "\(user) was asked, and a code came back with iss and state")
            var granted = try await redeem(code, verifier)
            list.add("6 token", .ok, "an access token and \(granted.refresh == nil ? "no" : "a") refresh token")
            if let refresh = granted.refresh {
                granted = try await race(refresh)
                list.add("7 refresh race", .ok, "two refreshes at once both got tokens")
            }
            tokens = granted
            list.add("8 first call", .ok, try await call(granted.access))
        } catch {
            let names = [
                "1 challenge", "2 server metadata", "3 registration", "4 authorization", "5 sign-in and consent", "6 token",
                "7 refresh race", "8 first call",
            ]
            let done = list.checks.filter { names.contains($0.name) }.count
            list.add(names[min(done, names.count - 1)], error.isSkip ? .skipped : .failed, error.detail, remedy: error.remedy)
        }
        if let tokens { await revoke(tokens) }
        await forget()
    }

    // MARK: The steps

    private func challenge() async throws(Fault) -> String {
        let answer = try await send(.post, mcp, body: Self.initialize)
        guard answer.status == 401, let header = answer.fields[.wwwAuthenticate],
            let start = header.firstRange(of: "resource_metadata=\"")
        else {
            throw Fault(
                "\(mcp) answers \(answer.status) without a challenge that names resource_metadata.",
                "A proxy in front must pass 401 and WWW-Authenticate unchanged, and not ask for a password of its own.")
        }
        let url = String(header[start.upperBound...].prefix { $0 != "\"" })
        let metadata = try await send(.get, local(url))
        guard metadata.status == 200, let document = metadata.json, document["resource"]?.string == issuer + path,
            document["authorization_servers"]?.array?.first?.string == issuer
        else {
            throw Fault(
                "\(url) answers \(metadata.status), or names another resource than \(issuer + path).",
                "server.public_url must be the very origin people paste, without a slash at its end.")
        }
        return "401 names \(url)"
    }

    private mutating func discovery() async throws(Fault) -> String {
        let url = base + "/.well-known/oauth-authorization-server"
        let answer = try await send(.get, url)
        guard answer.status == 200, let document = answer.json else {
            throw Fault("\(url) answers \(answer.status).", "A proxy in front must pass /.well-known/ to us.")
        }
        guard document["issuer"]?.string == issuer, let authorization = document["authorization_endpoint"]?.string,
            let token = document["token_endpoint"]?.string,
            document["code_challenge_methods_supported"]?.array?.contains(.string("S256")) == true
        else {
            throw Fault("\(url) names another issuer, or lacks endpoints.", "See server.public_url.")
        }
        (authorizationURL, tokenURL) = (local(authorization), local(token))
        registrationURL = document["registration_endpoint"]?.string.map(local)
        return "issuer \(issuer), PKCE S256"
    }

    private mutating func register() async throws(Fault) -> String {
        guard let url = registrationURL, configuration.oauth.registration == "open" else {
            throw Fault(
                "registration is \(configuration.oauth.registration), so that no test client can be made.",
                "Claude connects with a client of yours then: gatehouse client add --for claude.", isSkip: true)
        }
        let body: JSONValue = [
            "client_name": "gatehouse doctor", "redirect_uris": [.string(Self.callback)], "token_endpoint_auth_method": "none",
            "grant_types": ["authorization_code", "refresh_token"], "response_types": ["code"],
        ]
        let answer = try await send(.post, url, body: body)
        guard answer.status == 201, let document = answer.json, let id = document["client_id"]?.string else {
            throw Fault(
                "\(url) answers \(answer.status): \(answer.json?["error_description"]?.string ?? "").",
                answer.status == 429 ? "Wait, or raise limits.endpoints.register." : "See the server's log.")
        }
        client = (
            id, document["registration_client_uri"]?.string.map(local),
            document["registration_access_token"]?.string.map { Secret($0) }
        )
        return "client \(id), removed again at the end"
    }

    private func authorize(_ verifier: String) async throws(Fault) -> PageForm {
        let challenge = Base64.encode(SHA256.digest(Array(verifier.utf8)))
        let scopes = configuration.oauthSettings.resources.first.map { "\($0.engine):read" } ?? ""
        let query = DoctorBrowser.encode([
            ("response_type", "code"), ("client_id", client.id), ("redirect_uri", Self.callback), ("state", "doctor"),
            ("code_challenge", challenge), ("code_challenge_method", "S256"), ("resource", issuer + path), ("scope", scopes),
        ])
        let answer = try await send(.get, authorizationURL + "?" + query, fields: [("Accept", "text/html")])
        guard answer.status == 200, let form = PageForm(answer.text), form.has("username") || form.has("decision") else {
            throw Fault(
                "\(authorizationURL) answers \(answer.status) without a form.",
                "See gatehouse audit search --event authz.request.rejected --since 5m.")
        }
        return form
    }

    private func signIn(_ first: PageForm, _ user: String, _ password: Secret) async throws(Fault) -> String {
        var form = first
        for _ in 0..<6 {
            let values =
                form.has("username")
                ? ["username": user, "password": password.exposeText()] : form.has("decision") ? ["decision": "allow"] : [:]
            var answer: DoctorBrowser.Answer
            do throws(ClientError) {
                answer = try await browser.post(form: form.filled(values), to: base + form.action, origin: issuer)
            } catch { throw Fault(error, form.action) }
            for _ in 0..<4 {
                guard let location = answer.location else { break }
                if location.hasPrefix(Self.callback) { return try code(in: location) }
                answer = try await send(.get, local(location), fields: [("Accept", "text/html")])
            }
            // Hands over by a page rather than a redirect where the target is not ours.
            if let start = answer.text.firstRange(of: Self.callback) {
                let link = answer.text[start.lowerBound...].prefix { $0 != "\"" }
                return try code(in: String(link).replacing("&amp;", with: "&"))
            }
            guard let next = PageForm(answer.text) else {
                throw Fault("\(form.action) answers \(answer.status) without a way on.", "See the server's log.")
            }
            if next.has("otp") {
                throw Fault("\(user) has a second factor.", "Name a user without one to go on from here.", isSkip: true)
            }
            if next.has("username"), form.has("username") {
                throw Fault(
                    "the user name or password is not right, or the user is disabled or throttled.",
                    "gatehouse user show \(user); gatehouse user passwd \(user).")
            }
            form = next
        }
        throw Fault("sign-in did not come to an end.", "See the server's log.")
    }

    private func code(in url: String) throws(Fault) -> String {
        let query = url.firstIndex(of: "?").map { String(url[url.index(after: $0)...]) }
        guard let parameters = try? Parameters(parsing: query), let code = parameters.all("code").first else {
            throw Fault("the answer carries no code: \(url.prefix { $0 != "&" }).", "See gatehouse audit tail.")
        }
        guard parameters.all("iss").first == issuer, parameters.all("state").first == "doctor" else {
            throw Fault("the answer lacks iss or state.", "A proxy in front must pass Location unchanged.")
        }
        return code
    }

    private func redeem(_ code: String, _ verifier: String) async throws(Fault) -> (access: Secret, refresh: Secret?) {
        try await tokens([
            ("grant_type", "authorization_code"), ("code", code), ("code_verifier", verifier), ("client_id", client.id),
            ("redirect_uri", Self.callback), ("resource", issuer + path),
        ])
    }

    /// Claude's workers refresh the same token at the same time; whoever comes second must not end the session (RT-4).
    private func race(_ refresh: Secret) async throws(Fault) -> (access: Secret, refresh: Secret?) {
        let form = [("grant_type", "refresh_token"), ("refresh_token", refresh.exposeText()), ("client_id", client.id)]
        _ = try await tokens(form)
        do { return try await tokens(form) } catch {
            throw Fault(
                "the second of two refreshes with one token is refused: \(error.detail)",
                "Set oauth.refresh_token.grace to 60s; with several servers see that their clocks agree.")
        }
    }

    private func tokens(_ form: [(String, String)]) async throws(Fault) -> (access: Secret, refresh: Secret?) {
        let answer = try await send(
            .post, tokenURL, fields: [("Content-Type", "application/x-www-form-urlencoded")],
            bytes: Array(DoctorBrowser.encode(form).utf8))
        guard answer.status == 200, let document = answer.json, let access = document["access_token"]?.string else {
            throw Fault(
                "\(tokenURL) answers \(answer.status): \(answer.json?["error"]?.string ?? "").",
                "See gatehouse audit tail; a full disk answers 503.")
        }
        return (Secret(access), document["refresh_token"]?.string.map { Secret($0) })
    }

    private func call(_ token: Secret) async throws(Fault) -> String {
        let opened = try await send(.post, mcp, body: Self.initialize, token: token)
        guard opened.status == 200 else {
            throw Fault(
                "\(mcp) answers \(opened.status) to initialize.", "See gatehouse audit search --event token.rejected --since 5m.")
        }
        var fields = [("MCP-Protocol-Version", "2025-06-18")]
        if let session = opened.fields[.mcpSessionID] { fields.append(("Mcp-Session-Id", session)) }
        let body: JSONValue = ["jsonrpc": "2.0", "id": 2, "method": "tools/list", "params": [:]]
        let listed = try await send(.post, mcp, fields: fields, body: body, token: token)
        guard listed.status == 200, let count = Self.message(listed.text)?["result"]?["tools"]?.array?.count, count > 0 else {
            throw Fault(
                "\(mcp) answers \(listed.status) to tools/list, without tools.", "See the user's role and the scopes granted.")
        }
        return "initialize and tools/list: \(count) tools"
    }

    // MARK: Afterwards

    private func revoke(_ tokens: (access: Secret, refresh: Secret?)) async {
        for token in [tokens.refresh, tokens.access].compactMap({ $0 }) {
            let form = [("token", token.exposeText()), ("client_id", client.id)]
            _ = try? await send(
                .post, base + "/revoke", fields: [("Content-Type", "application/x-www-form-urlencoded")],
                bytes: Array(DoctorBrowser.encode(form).utf8))
        }
    }

    private func forget() async {
        guard let url = client.management, let token = client.token else { return }
        _ = try? await send(.delete, url, token: token)
    }

    // MARK: Sending

    private static let initialize: JSONValue = [
        "jsonrpc": "2.0", "id": 1, "method": "initialize",
        "params": [
            "protocolVersion": "2025-06-18", "capabilities": [:],
            "clientInfo": ["name": "gatehouse-doctor", "version": .string(Version.current)],
        ],
    ]

    /// A URL of the issuer, as seen from where we look.
    private func local(_ url: String) -> String {
        if url.hasPrefix("/") { return base + url }
        return url.hasPrefix(issuer + "/") ? base + url.dropFirst(issuer.count) : url
    }

    private func send(
        _ method: Method, _ url: String, fields: [(String, String)] = [], body: JSONValue? = nil, bytes: [UInt8] = [],
        token: Secret? = nil
    ) async throws(Fault) -> DoctorBrowser.Answer {
        var all = fields
        if body != nil {
            all += [("Content-Type", "application/json"), ("Accept", "application/json, text/event-stream")]
        }
        do throws(ClientError) {
            return try await browser.send(
                method, url, fields: all, body: body.map { Array($0.text.utf8) } ?? bytes, token: token,
                isRepeatable: method == .get)
        } catch { throw Fault(error, url) }
    }

    /// The JSON of an answer, or of the first event of a stream.
    private static func message(_ text: String) -> JSONValue? {
        if let value = try? JSONValue(parsing: text) { return value }
        let data = text.split(separator: "\n").first { $0.hasPrefix("data:") && $0.count > 6 }
        return data.flatMap { try? JSONValue(parsing: String($0.dropFirst(5))) }
    }
}
