import Audit
import Crypto
import OAuth
import Primitives
import Storage
import Vault

/// Everything below the network that server and commands share: configuration, database, vault, audit log.
struct Workspace: Sendable {
    let configuration: Configuration
    let database: Database
    let users: any UserStore
    let clients: any ClientStore
    let sessions: any SessionStore
    let transactions: any TransactionStore
    let grants: any GrantStore
    let tokens: any TokenStore
    let singleUses: SQLiteSingleUseStore
    let devices: any DeviceStore
    let consents: any ConsentStore
    let approvals: any ApprovalStore
    let factors: any FactorStore
    let passkeys: any PasskeyStore
    let identities: any IdentityStore
    let attempts: SQLiteAttemptStore
    let keyring: Keyring
    let vault: CredentialVault
    let audit: AuditLog
    let hasher: TokenHasher
    /// Authenticates the hidden tokens of forms.
    let formKey: Secret
    /// Seals what MCP clients keep for us: sessions, cursors, states, tasks; what upstreams gave is sealed with a key of its own.
    let handleKey: Secret
    let passwords: PasswordHasher
    private let passwordKey: Secret

    /// Opens what the configuration names.
    /// - Throws: `CommandError` with the code of contract §6: 78 for a wrong key or path, 69 when the database is not to be had.
    static func open(_ configuration: Configuration, node: String) async throws(CommandError) -> Workspace {
        let rootKey = try openRootKey(configuration)
        let database = try openDatabase(configuration)
        let keyFile = configuration.rootKeyFile
        let vault = CredentialVault(
            rootKey: rootKey, store: SQLiteVaultStore(database), replacements: { keyFile.candidates() })
        // Derived from a key the vault keeps, so that they outlive a change of the root key (KEY-1).
        let (pepper, formKey, signingKey, handleKey, passwordKey): (Secret, Secret, Secret, Secret, Secret)
        do throws(VaultError) {
            pepper = try await vault.deriveKey(purpose: "token pepper")
            formKey = try await vault.deriveKey(purpose: "form tokens")
            signingKey = try await vault.deriveKey(purpose: "signing keys")
            handleKey = try await vault.deriveKey(purpose: "mcp handles")
            passwordKey = try await vault.deriveKey(purpose: "password pepper")
        } catch {
            guard error.code == .wrongRootKey else { throw CommandError(.unavailable, "The vault cannot be read: \(error).") }
            throw CommandError(
                .configuration, "The root key is not the one this database was sealed with. Put the right file at vault.root_key.")
        }
        let audit = try openAudit(configuration, node: node)
        try await RestoreNote(configuration).deliver(to: audit)
        return Workspace(
            configuration: configuration, database: database, users: SQLiteUserStore(database),
            clients: SQLiteClientStore(database),
            sessions: SQLiteSessionStore(database), transactions: SQLiteTransactionStore(database),
            grants: SQLiteGrantStore(database), tokens: SQLiteTokenStore(database),
            singleUses: SQLiteSingleUseStore(database), devices: SQLiteDeviceStore(database),
            consents: SQLiteConsentStore(database), approvals: SQLiteApprovalStore(database), factors: SQLiteFactorStore(database),
            passkeys: SQLitePasskeyStore(database),
            identities: SQLiteIdentityStore(database), attempts: SQLiteAttemptStore(database),
            keyring: Keyring(store: SQLiteSigningKeyStore(database), sealingKey: signingKey), vault: vault, audit: audit,
            hasher: TokenHasher(pepper: pepper), formKey: formKey, handleKey: handleKey,
            passwords: configuration.hasher(passwordKey), passwordKey: passwordKey)
    }

    /// The same stores under a newer configuration, for a reload.
    func adopting(_ configuration: Configuration) -> Workspace {
        Workspace(
            configuration: configuration, database: database, users: users, clients: clients, sessions: sessions,
            transactions: transactions, grants: grants, tokens: tokens, singleUses: singleUses, devices: devices,
            consents: consents, approvals: approvals, factors: factors, passkeys: passkeys, identities: identities,
            attempts: attempts,
            keyring: keyring, vault: vault,
            audit: audit,
            hasher: hasher,
            formKey: formKey, handleKey: handleKey, passwords: configuration.hasher(passwordKey),
            passwordKey: passwordKey)
    }

    static func openAudit(_ configuration: Configuration, node: String) throws(CommandError) -> AuditLog {
        do {
            return try AuditLog(configuration, node: node)
        } catch { throw CommandError(.cannotWrite, "The audit log cannot be opened: \(error). Check audit.path.") }
    }

    static func openRootKey(_ configuration: Configuration) throws(CommandError) -> RootKey {
        let file = configuration.rootKeyFile
        do { return try file.load() } catch {
            throw CommandError(.configuration, "The root key at \(file.path) cannot be used: \(error).")
        }
    }

    private static func openDatabase(_ configuration: Configuration) throws(CommandError) -> Database {
        do { return try Database(path: configuration.databasePath) } catch {
            throw CommandError(
                error.code == .incompatible ? .configuration : .unavailable,
                "The database at \(configuration.databasePath) cannot be opened: \(error.message).")
        }
    }

    /// Records what a command is about to do; nothing is done without its record (AUD-3).
    func recordCommand(_ event: Event) async throws(CommandError) {
        var event = event
        if let pseudonyms = pseudonyms(epoch: { 0 }), await !pseudonyms.disguise(&event) {
            throw CommandError(.cannotWrite, "The database cannot say how the log calls people, so nothing was changed. Try again.")
        }
        try await Self.record(event, in: audit)
    }

    /// The same without a workspace, for commands that must not open the database as it is.
    static func record(_ event: Event, in audit: AuditLog) async throws(CommandError) {
        var event = event
        event.actor = event.actor ?? "cli"
        do { try await audit.append([AuditRecord(event, in: AuditContext(requestID: Self.freshRequestID()))]) } catch {
            throw CommandError(.cannotWrite, "The audit log cannot be written, so nothing was changed: \(error).")
        }
    }

    /// Names one run of a command in its records.
    static func freshRequestID(_ prefix: String = "cmd-") -> RequestID { RequestID(prefix + Random.text(16)) }

    /// OP-7: who came in by a provider that is no longer configured, and can by nothing else, is out.
    func endUsersOfDisabledProviders() async {
        let issuers = configuration.login.providers.map(\.issuer)
        for name in (try? await identities.endUsers(withoutAny: issuers, at: .now())) ?? [] {
            await recordQuietly(Event("session.revoked", reason: "OP-7", subject: name, details: [("by", "disabled provider")]))
        }
    }

    func close() async {
        await audit.close()
        await database.close()
    }
}

extension AuditLog {
    /// The log the configuration names.
    convenience init(_ configuration: Configuration, node: String) throws(AuditError) {
        let audit = configuration.audit
        try self.init(
            folder: audit.path, headFile: configuration.auditHeadPath, durability: audit.isStrict ? .strict : .batched, node: node,
            rotation: AuditLog.Rotation(bytes: audit.rotationBytes, isDaily: audit.rotatesDaily))
    }
}

extension Configuration {
    /// `sqlite:///var/lib/x.db` is `/var/lib/x.db`.
    var databasePath: String { String(storage.url.dropFirst("sqlite://".count)) }

    fileprivate func hasher(_ pepper: Secret) -> PasswordHasher {
        PasswordHasher(
            Argon2id(memoryKiB: login.argonMemoryKiB, passes: login.argonPasses, lanes: login.argonLanes),
            pepper: PasswordHasher.Pepper(name: "1", key: pepper), isPeppering: login.isPeppering)
    }

    var rootKeyFile: RootKeyFile { RootKeyFile(String(vault.rootKey.dropFirst("file:".count))) }

    /// Kept outside the audit folder, so that truncation of the folder shows.
    var auditHeadPath: String { databasePath + ".audit-head" }

    /// Opened by the signer alone.
    var auditKeyPath: String { audit.signingKey ?? databasePath + ".audit-key" }

    /// Where a signer started by the server leaves its public key.
    var auditPublicKeyPath: String { auditKeyPath + ".pub" }

    var oauthSettings: OAuthSettings {
        var settings = OAuthSettings(
            issuer: server.publicURL, resources: protectedResources,
            registration: OAuthSettings.Registration(rawValue: oauth.registration) ?? .off,
            acceptsMetadataDocuments: oauth.clientMetadataDocuments, accessTokenLifetime: oauth.accessTokenLifetime,
            refreshIdle: oauth.refreshIdle, refreshAbsolute: oauth.refreshAbsolute, refreshGrace: oauth.refreshGrace,
            redirectSchemes: Set(oauth.redirectSchemes))
        settings.acceptsAssertions = login.providers.contains(where: \.acceptsAssertions)
        settings.acceptsCertificates = server.clientCA != nil
        settings.roleAssurance = login.roleAssurance
        settings.stepUps = login.stepUps
        settings.grantsEndWithKey = oauth.grantsEndWithKey
        settings.clientHosts = ClientHosts(
            allowed: oauth.clientHostsAllowed, denied: oauth.clientHostsDenied, refusesOthers: oauth.refusesOtherHosts)
        settings.requiresClientApproval = oauth.requiresClientApproval
        settings.jwtResources = Set(protectedResources.filter { oauth.jwtResources.contains($0.engine) }.map(\.url))
        return settings
    }

    private var protectedResources: [ProtectedResource] {
        var resources: [ProtectedResource] = []
        if engines.isQarnotEnabled {
            resources.append(
                ProtectedResource(
                    url: server.publicURL + engines.qarnotPath, path: engines.qarnotPath, engine: "qarnot", title: "Qarnot compute")
            )
        }
        return resources
            + upstreams.entries.map {
                ProtectedResource(url: server.publicURL + $0.path, path: $0.path, engine: $0.name, title: $0.name)
            }
    }
}
