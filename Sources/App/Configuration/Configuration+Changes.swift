import Policy
import Primitives

/// What a reload makes of a newer configuration.
struct ConfigurationChange: Sendable {
    /// What is in force afterwards: the newer one, but for what cannot change while the server runs.
    let configuration: Configuration
    /// The paths of settings that take effect, in the order of the file.
    let changed: [String]
    /// The paths of settings that differ and stay as they were until a restart.
    let needingRestart: [String]
    /// What those of `changed` were and are, for the audit log: at most 20.
    let differences: [SettingDifference]
}

/// One setting before and after, in words.
struct SettingDifference: Sendable, Equatable {
    let path: String
    let before: String
    let after: String

    /// Bytes of one value; settings that hold whole structures are named only.
    static let limit = 120

    var json: JSONValue { ["setting": .string(path), "from": .string(before), "to": .string(after)] }
}

extension Configuration {
    /// Compares with a newer configuration, setting by setting.
    func change(to newer: Configuration) -> ConfigurationChange {
        var taken = newer
        for setting in Self.fixed { setting.copy(self, &taken) }
        return ConfigurationChange(
            configuration: taken, changed: Self.differences(self, taken), needingRestart: Self.differences(taken, newer),
            differences: Self.compared.filter { !$0.isSame(self, taken) }.prefix(20).map {
                SettingDifference(path: $0.path, before: $0.text(self), after: $0.text(taken))
            })
    }

    /// The paths at which two configurations differ.
    static func differences(_ a: Configuration, _ b: Configuration) -> [String] {
        compared.filter { !$0.isSame(a, b) }.map(\.path)
    }

    /// How many settings are compared; a test holds it against the stored properties.
    static var comparedCount: Int { compared.count }

    private struct Compared: Sendable {
        let path: String
        let isSame: @Sendable (Configuration, Configuration) -> Bool
        let copy: @Sendable (Configuration, inout Configuration) -> Void
        let text: @Sendable (Configuration) -> String

        init<T: Equatable & SendableMetatype>(
            _ path: String, _ key: any WritableKeyPath<Configuration, T> & Sendable, isSecret: Bool = false
        ) {
            self.path = path
            isSame = { $0[keyPath: key] == $1[keyPath: key] }
            copy = { $1[keyPath: key] = $0[keyPath: key] }
            text = { isSecret ? "(a secret)" : SettingText.describe($0[keyPath: key]) }
        }
    }

    /// Identity, storage and threads: a process has one of each from its start. The public URL is in every token's audience and
    /// in what clients remember, so that changing it is a new installation rather than a new setting.
    private static let fixed = [
        Compared("server.public_url", \.server.publicURL), Compared("server.loops", \.server.loops),
        Compared("server.proxy_protocol", \.server.proxyProtocol), Compared("server.own_addresses", \.server.ownAddresses),
        Compared("storage.url", \.storage.url), Compared("vault.root_key", \.vault.rootKey),
        Compared("audit.path", \.audit.path), Compared("audit.durability", \.audit.isStrict),
        Compared("audit.pseudonyms", \.audit.hasPseudonyms),
        Compared("audit.rotate.bytes", \.audit.rotationBytes), Compared("audit.rotate.daily", \.audit.rotatesDaily),
        Compared("audit.retention", \.audit.retention),
        Compared("audit.checkpoint.interval", \.audit.checkpointInterval),
        Compared("audit.checkpoint.records", \.audit.checkpointRecords),
        Compared("audit.witnesses", \.audit.witnesses),
        Compared("audit.signing_key", \.audit.signingKey), Compared("audit.signer", \.audit.signer),
    ]

    private static let compared =
        fixed + [
            Compared("server.listen", \.server.listen), Compared("server.admin_listen", \.server.adminListen),
            Compared("server.tls.certificate", \.server.certificate), Compared("server.tls.key", \.server.key),
            Compared("server.tls.client_ca", \.server.clientCA), Compared("server.trusted_proxies", \.server.trustedProxies),
            Compared("server.allowed_origins", \.server.allowedOrigins), Compared("server.limits.body_bytes", \.server.bodyBytes),
            Compared("server.limits.header_bytes", \.server.headerBytes),
            Compared("server.forwarded", \.server.forwarded), Compared("server.limits.connections", \.server.connections),
            Compared("server.limits.connections_per_address", \.server.connectionsPerAddress),
            Compared("server.limits.buffered_bytes", \.server.bufferedBytes),
            Compared("server.limits.handshake_timeout", \.server.handshakeTimeout),
            Compared("server.limits.header_timeout", \.server.headerTimeout),
            Compared("server.limits.body_idle_timeout", \.server.bodyIdleTimeout),
            Compared("server.limits.min_rate", \.server.minRate), Compared("server.limits.idle_timeout", \.server.idleTimeout),
            Compared("server.limits.keep_alive", \.server.keepAlive), Compared("server.drain.delay", \.server.drainDelay),
            Compared("server.drain.deadline", \.server.drainDeadline), Compared("oauth.registration", \.oauth.registration),
            Compared("oauth.client_metadata_documents", \.oauth.clientMetadataDocuments),
            Compared("oauth.access_token_lifetime", \.oauth.accessTokenLifetime),
            Compared("oauth.refresh_token.idle", \.oauth.refreshIdle),
            Compared("oauth.refresh_token.absolute", \.oauth.refreshAbsolute),
            Compared("oauth.refresh_token.grace", \.oauth.refreshGrace),
            Compared("oauth.redirect_schemes", \.oauth.redirectSchemes), Compared("oauth.jwt_resources", \.oauth.jwtResources),
            Compared("oauth.trusted_issuers", \.oauth.trustedIssuers), Compared("login.attempts", \.login.attempts),
            Compared("login.pepper", \.login.isPeppering), Compared("login.breach_list", \.login.breachList),
            Compared("login.providers", \.login.providers),
            Compared("login.require.viewer", \.login.viewerAssurance),
            Compared("login.require.operator", \.login.operatorAssurance),
            Compared("login.require.admin", \.login.adminAssurance),
            Compared("login.step_up", \.login.stepUps), Compared("oauth.client_approval", \.oauth.requiresClientApproval),
            Compared("oauth.grants_end_with_key", \.oauth.grantsEndWithKey),
            Compared("oauth.client_hosts.allow", \.oauth.clientHostsAllowed),
            Compared("oauth.client_hosts.deny", \.oauth.clientHostsDenied),
            Compared("oauth.client_hosts.others", \.oauth.refusesOtherHosts),
            Compared("login.argon2.memory_kib", \.login.argonMemoryKiB), Compared("login.argon2.passes", \.login.argonPasses),
            Compared("login.argon2.lanes", \.login.argonLanes), Compared("limits.address", \.limits.address),
            Compared("limits.user", \.limits.user), Compared("limits.client", \.limits.client),
            Compared("limits.tool.default", \.limits.toolDefault),
            Compared("limits.tool", \.limits.tools), Compared("limits.endpoints.authorize", \.limits.authorize),
            Compared("limits.endpoints.login", \.limits.login), Compared("limits.endpoints.register", \.limits.register),
            Compared("limits.endpoints.token", \.limits.token),
            Compared("limits.endpoints.unauthenticated", \.limits.unauthenticated),
            Compared("limits.endpoints.client_metadata", \.limits.clientMetadata), Compared("limits.streams", \.limits.streams),
            Compared("limits.networks", \.limits.networks), Compared("limits.dry_run", \.limits.isDryRun),
            Compared("engines.qarnot.enabled", \.engines.isQarnotEnabled),
            Compared("engines.qarnot.path", \.engines.qarnotPath), Compared("engines.qarnot.api_url", \.engines.qarnotAPI),
            Compared("engines.qarnot.storage_url", \.engines.qarnotStorage),
            Compared("engines.qarnot.budgets", \.engines.qarnotBudgets), Compared("log.level", \.log.level),
            Compared("log.format", \.log.format), Compared("traces.endpoint", \.traces.endpoint),
            Compared("traces.share", \.traces.share), Compared("traces.authorization", \.traces.authorization, isSecret: true),
            Compared("confirm", \.confirm), Compared("upstreams", \.upstreams.entries),
        ]
}
