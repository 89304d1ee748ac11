import Audit
import HTTP
import OAuth
import Policy
import Primitives

extension Configuration {
    /// Takes every known setting out of the tree.
    mutating func read(_ root: SettingReader) {
        root.section("server") { readServer($0) }
        root.section("storage") { $0.string("url", into: &storage.url) }
        root.section("vault") { $0.string("root_key", into: &vault.rootKey) }
        root.section("oauth") { readOAuth($0) }
        root.section("login") { section in
            section.list("providers") { readProvider($0) }
            section.int("attempts", 1...100, into: &login.attempts)
            section.bool("pepper", into: &login.isPeppering)
            section.optionalString("breach_list", into: &login.breachList)
            section.section("require") { login.readRequirements($0) }
            section.section("step_up") { login.readStepUps($0) }
            section.section("argon2") { argon in
                argon.int("memory_kib", 19_456...1_048_576, into: &login.argonMemoryKiB)
                argon.int("passes", 2...16, into: &login.argonPasses)
                argon.int("lanes", 1...8, into: &login.argonLanes)
            }
        }
        root.section("limits") { readLimits($0) }
        root.section("audit") { readAudit($0) }
        root.section("engines") { readEngines($0) }
        root.choice("confirm", ["off", "destructive"], into: &confirm)
        readUpstreams(root)
        root.section("traces") { readTraces($0) }
        root.section("log") { section in
            section.choice("level", ["debug", "info", "notice", "warning", "error"], into: &log.level)
            section.choice("format", ["json", "text"], into: &log.format)
        }
    }

    private mutating func readAudit(_ section: SettingReader) {
        section.string("path", into: &audit.path)
        var durability = audit.isStrict ? "strict" : "batched"
        section.choice("durability", ["strict", "batched"], into: &durability)
        audit.isStrict = durability == "strict"
        section.bool("pseudonyms", into: &audit.hasPseudonyms)
        section.section("rotate") { rotate in
            rotate.int("bytes", 1_048_576...1_099_511_627_776, into: &audit.rotationBytes)
            rotate.bool("daily", into: &audit.rotatesDaily)
        }
        section.duration("retention", .zero...(.seconds(36_600 * 86_400)), into: &audit.retention)
        section.section("checkpoint") { checkpoint in
            checkpoint.duration("interval", .seconds(1)...(.seconds(3600)), into: &audit.checkpointInterval)
            checkpoint.int("records", 1...65_536, into: &audit.checkpointRecords)
        }
        section.strings("witnesses", into: &audit.witnesses)
        for text in audit.witnesses where !AuditSigning.isPosted(text) && Witness(text) == nil {
            section.report(
                "witnesses",
                "\"\(text)\" is none of syslog:unix:PATH, syslog:udp:HOST:PORT, syslog:tcp:HOST:PORT, file:PATH, https://…")
        }
        section.optionalString("signing_key", into: &audit.signingKey)
        section.optionalString("signer", into: &audit.signer)
    }

    private mutating func readTraces(_ section: SettingReader) {
        section.optionalString("endpoint", into: &traces.endpoint)
        var share = "0.1"
        section.string("share", into: &share)
        section.optionalString("authorization", into: &traces.authorization)
        if let endpoint = traces.endpoint, !["http", "https"].contains(URLReference(endpoint)?.scheme) {
            section.report("endpoint", "must be an http or https URL such as http://127.0.0.1:4318/v1/traces")
        }
        if let secret = traces.authorization, secret.hasPrefix("file:") {
            traces.authorization = Self.contents(secret)
            if Self.contents(secret).isEmpty {
                section.report("authorization", "\(secret.dropFirst(5)) cannot be read, or is empty")
            }
        }
        guard let number = Double(share), (0...1).contains(number) else {
            return section.report("share", "must be a number from 0 to 1")
        }
        traces.share = number
    }

    private mutating func readServer(_ section: SettingReader) {
        section.string("public_url", into: &server.publicURL)
        section.strings("listen", into: &server.listen)
        section.optionalString("admin_listen", into: &server.adminListen)
        section.section("tls") { tls in
            tls.optionalString("certificate", into: &server.certificate)
            tls.optionalString("key", into: &server.key)
            tls.optionalString("client_ca", into: &server.clientCA)
            // A credential of systemd is a `file:` reference.
            for path in [\Server.certificate, \.key, \.clientCA] {
                if let text = server[keyPath: path], text.hasPrefix("file:") { server[keyPath: path] = String(text.dropFirst(5)) }
            }
        }
        var own = server.ownAddresses.map(\.description)
        section.strings("own_addresses", into: &own)
        server.ownAddresses = own.compactMap { text in
            if let network = Network(text) { return network }
            section.report("own_addresses", "\"\(text)\" is no address or address block such as 192.0.2.7")
            return nil
        }
        var proxies = server.trustedProxies.map(\.description)
        section.strings("trusted_proxies", into: &proxies)
        server.trustedProxies = proxies.compactMap { text in
            if let network = Network(text) { return network }
            section.report("trusted_proxies", "\"\(text)\" is no address block such as 10.0.0.0/8")
            return nil
        }
        section.strings("proxy_protocol", into: &server.proxyProtocol)
        section.choice("forwarded", ["x-forwarded-for", "forwarded"], into: &server.forwarded)
        section.strings("allowed_origins", into: &server.allowedOrigins)
        section.section("limits") { limits in
            limits.int("body_bytes", 1024...1_073_741_824, into: &server.bodyBytes)
            limits.int("header_bytes", 4096...1_048_576, into: &server.headerBytes)
            limits.int("connections", 1...1_000_000, into: &server.connections)
            limits.int("connections_per_address", 1...1_000_000, into: &server.connectionsPerAddress)
            limits.int("buffered_bytes", 1_048_576...1_099_511_627_776, into: &server.bufferedBytes)
            limits.duration("handshake_timeout", Self.timeouts, into: &server.handshakeTimeout)
            limits.duration("header_timeout", Self.timeouts, into: &server.headerTimeout)
            limits.duration("body_idle_timeout", Self.timeouts, into: &server.bodyIdleTimeout)
            limits.int("min_rate", 1...1_000_000, into: &server.minRate)
            limits.duration("idle_timeout", Self.timeouts, into: &server.idleTimeout)
            limits.duration("keep_alive", .milliseconds(150)...(.seconds(15)), into: &server.keepAlive)
        }
        section.section("drain") { drain in
            drain.duration("delay", .zero...(.seconds(600)), into: &server.drainDelay)
            drain.duration("deadline", .zero...(.seconds(3600)), into: &server.drainDeadline)
        }
        section.int("loops", 0...256, into: &server.loops)
    }

    private static let timeouts: ClosedRange<Duration> = .milliseconds(100)...(.seconds(3600))

    private mutating func readProvider(_ entry: SettingReader) {
        var (name, title, issuer, client, claim, role) = ("", "", "", "", "preferred_username", "")
        var secret: String?
        var (links, accepts) = (false, false)
        entry.string("name", into: &name)
        entry.string("title", into: &title)
        entry.string("issuer", into: &issuer)
        entry.string("client_id", into: &client)
        entry.optionalString("client_secret", into: &secret)
        entry.string("user_claim", into: &claim)
        entry.bool("link_existing", into: &links)
        entry.choice("new_user_role", ["viewer", "operator", "admin"], into: &role)
        entry.bool("identity_assertions", into: &accepts)
        var demands = IdentityProvider.Demands()
        entry.section("require") { require in
            require.string("tenant_claim", into: &demands.tenantClaim)
            require.optionalString("tenant", into: &demands.tenant)
            require.strings("acr", into: &demands.assurances)
            require.string("group_claim", into: &demands.groupClaim)
            require.strings("groups", into: &demands.groups)
        }
        guard !name.isEmpty, name.utf8.allSatisfy({ (0x61...0x7A).contains($0) || (0x30...0x39).contains($0) }) else {
            return entry.report("name", "must be of a-z and 0-9; it is part of the redirect address /callback/NAME")
        }
        let isLoopback = issuer.hasPrefix("http://127.0.0.1:") || issuer.hasPrefix("http://localhost:")
        guard issuer.hasPrefix("https://") || isLoopback else { return entry.report("issuer", "must be an https URL") }
        guard !client.isEmpty else { return entry.report("client_id", "is missing") }
        if let secret, secret.hasPrefix("file:"), Self.contents(secret).isEmpty {
            entry.report("client_secret", "\(secret.dropFirst(5)) cannot be read, or is empty")
        }
        var provider = IdentityProvider(
            name: name, title: title.isEmpty ? name : title, issuer: issuer, clientID: client,
            clientSecret: secret.map(Self.contents), userClaim: claim, linksExisting: links, newUserRole: Role(rawValue: role),
            acceptsAssertions: accepts)
        provider.demands = demands
        login.providers.append(provider)
    }

    /// A secret, or the first line of the file that `file:` names; an unreadable file is an empty secret, which no provider takes.
    private static func contents(_ text: String) -> String {
        guard text.hasPrefix("file:") else { return text }
        let file = (try? Files.readText(String(text.dropFirst("file:".count)))) ?? ""
        return String(file.split(whereSeparator: \.isNewline).first ?? "")
    }

    private mutating func readOAuth(_ section: SettingReader) {
        section.choice("registration", ["open", "token", "off"], into: &oauth.registration)
        section.bool("client_approval", into: &oauth.requiresClientApproval)
        section.bool("grants_end_with_key", into: &oauth.grantsEndWithKey)
        section.section("client_hosts") { hosts in
            hosts.strings("allow", into: &oauth.clientHostsAllowed)
            hosts.strings("deny", into: &oauth.clientHostsDenied)
            var others = "warn"
            hosts.choice("others", ["warn", "refuse"], into: &others)
            oauth.refusesOtherHosts = others == "refuse"
        }
        section.bool("client_metadata_documents", into: &oauth.clientMetadataDocuments)
        section.duration("access_token_lifetime", .seconds(300)...(.seconds(86_400)), into: &oauth.accessTokenLifetime)
        section.section("refresh_token") { refresh in
            refresh.duration("idle", .seconds(60)...(.seconds(366 * 86_400)), into: &oauth.refreshIdle)
            refresh.duration("absolute", .seconds(60)...(.seconds(3660 * 86_400)), into: &oauth.refreshAbsolute)
            refresh.duration("grace", .zero...(.seconds(300)), into: &oauth.refreshGrace)
        }
        section.strings("redirect_schemes", into: &oauth.redirectSchemes)
        section.strings("jwt_resources", into: &oauth.jwtResources)
        section.list("trusted_issuers") { entry in
            var (issuer, keys, claim, scopes) = ("", "", "sub", "")
            entry.string("issuer", into: &issuer)
            entry.string("jwks_uri", into: &keys)
            entry.string("user_claim", into: &claim)
            entry.string("scopes", into: &scopes)
            guard issuer.hasPrefix("https://") else { return entry.report("issuer", "must be the https URL in the tokens' iss") }
            guard keys.hasPrefix("https://") else { return entry.report("jwks_uri", "must be the https URL of the issuer's keys") }
            oauth.trustedIssuers.append(
                TrustedIssuer(
                    issuer: issuer, keySetURL: keys, userClaim: claim, defaultScopes: scopes.isEmpty ? nil : ScopeSet(text: scopes))
            )
        }
    }

    private mutating func readLimits(_ section: SettingReader) {
        section.quota("address", into: &limits.address)
        section.quota("user", into: &limits.user)
        section.quota("client", into: &limits.client)
        section.section("tool") { tool in
            tool.quota("default", into: &limits.toolDefault)
            tool.rest { name, reader in
                var quota = limits.tools[name] ?? limits.toolDefault
                reader.quota(name, into: &quota)
                limits.tools[name] = .some(quota)
            }
        }
        section.section("endpoints") { endpoints in
            endpoints.quota("authorize", into: &limits.authorize)
            endpoints.quota("login", into: &limits.login)
            endpoints.quota("register", into: &limits.register)
            endpoints.quota("token", into: &limits.token)
            endpoints.quota("unauthenticated", into: &limits.unauthenticated)
            endpoints.quota("client_metadata", into: &limits.clientMetadata)
        }
        section.int("streams", 1...1_000_000, into: &limits.streams)
        section.bool("dry_run", into: &limits.isDryRun)
        section.list("networks") { entry in
            var text = ""
            entry.string("cidr", into: &text)
            let isNamed = entry.has("address")
            var quota = limits.address
            var factor = 10
            entry.quota("address", into: &quota)
            entry.int("factor", 1...100_000, into: &factor)
            guard let network = Network(text) else { return entry.report("cidr", "must be an address block such as 10.0.0.0/8") }
            var limit = NetworkLimit(network: network, factor: factor)
            if isNamed { (limit.address, limit.isAddressOff) = (quota, quota == nil) }
            limits.networks.append(limit)
        }
    }

    private mutating func readEngines(_ section: SettingReader) {
        section.section("qarnot") { qarnot in
            qarnot.bool("enabled", into: &engines.isQarnotEnabled)
            qarnot.string("path", into: &engines.qarnotPath)
            qarnot.string("api_url", into: &engines.qarnotAPI)
            qarnot.optionalString("storage_url", into: &engines.qarnotStorage)
            qarnot.section("budgets") { engines.readBudgets($0) }
        }
        for name in ["tensorpool", "airflow"] {
            section.section(name) { engine in
                var isEnabled = false
                engine.bool("enabled", into: &isEnabled)
                if isEnabled { engine.report("enabled", "this engine is not part of this version; set it to false") }
                for key in ["path", "command", "api_url"] { engine.ignore(key) }
            }
        }
    }

    /// What no single setting can tell.
    func validate(_ problems: SettingReader.ProblemList) {
        func report(_ path: String, _ message: String) { problems.add(ConfigurationProblem(path: path, line: 0, message: message)) }
        let url = URLReference(server.publicURL)
        if url?.scheme != "https" || url?.origin != server.publicURL {
            report("server.public_url", "must be a bare https origin such as https://gate.example.com, without a slash at the end")
        }
        if server.listen.isEmpty { report("server.listen", "must name at least one address such as 0.0.0.0:8443") }
        for text in server.listen + [server.adminListen].compactMap({ $0 }) where ListenAddress(text) == nil {
            report("server.listen", "\"\(text)\" is no address and port such as 127.0.0.1:8443")
        }
        for text in server.proxyProtocol where !server.listen.contains(text) {
            report("server.proxy_protocol", "\"\(text)\" is none of server.listen")
        }
        if !server.proxyProtocol.isEmpty, server.trustedProxies.isEmpty {
            report("server.proxy_protocol", "needs server.trusted_proxies: anyone could claim any address otherwise")
        }
        if let admin = server.adminListen.flatMap(ListenAddress.init), !admin.isLoopback {
            report("server.admin_listen", "must be a loopback address: it has no authentication")
        }
        if server.certificate == nil || server.key == nil {
            report("server.tls", "certificate and key are required; gatehouse dev makes a pair for localhost")
        }
        if !storage.url.hasPrefix("sqlite:///") { report("storage.url", "must be sqlite:///absolute/path") }
        if !vault.rootKey.hasPrefix("file:") { report("vault.root_key", "must be file:/path/of/the/key") }
        if oauth.refreshIdle > oauth.refreshAbsolute { report("oauth.refresh_token.idle", "must not be longer than absolute") }
        if !engines.qarnotPath.hasPrefix("/mcp") { report("engines.qarnot.path", "must begin with /mcp") }
        for scheme in ["api_url": engines.qarnotAPI, "storage_url": engines.qarnotStorage ?? engines.qarnotAPI] {
            if !["http", "https"].contains(URLReference(scheme.value)?.scheme) {
                report("engines.qarnot.\(scheme.key)", "must be an http or https URL")
            }
        }
    }
}

/// `127.0.0.1:8443`, `[::1]:8443`, `localhost:0`.
struct ListenAddress: Sendable, Hashable {
    let host: String
    let port: Int

    init?(_ text: String) {
        guard let colon = text.lastIndex(of: ":"), let port = Int(text[text.index(after: colon)...]), (0...65535).contains(port)
        else { return nil }
        var host = String(text[..<colon])
        if host.hasPrefix("["), host.hasSuffix("]") { host = String(host.dropFirst().dropLast()) }
        if host == "localhost" { host = "127.0.0.1" }
        guard IPAddress(host) != nil else { return nil }
        self.host = host
        self.port = port
    }

    var isLoopback: Bool { IPAddress(host)?.isLoopback ?? false }
}
