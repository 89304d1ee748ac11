import Crypto
import Glibc
import OAuth
import Primitives
import QarnotSimulator
import Server
import Transport
import Vault

/// `gatehouse dev`: a whole installation in one folder, made once and served again (contract §2).
enum Development {
    static func run(_ invocation: Invocation) async throws(CommandError) {
        let folder = DevelopmentFolder(path: Files.absolute(invocation.value("--data-dir") ?? ".gatehouse"))
        try folder.prepare()
        let key: RootKey
        do { key = try RootKey.load(folder.demoKey) } catch {
            throw CommandError(.configuration, "The key of the demo account cannot be used: \(error).")
        }
        let account = DemoAccount(key: key)

        let simulator = try Simulator.start(
            accounts: [(account.qarnotKey, DemoAccount.email)], listen: nil, storage: nil, admin: nil, demo: DemoAccount.email)
        // After the simulator listens, so that no port is chosen twice.
        let ports = try DevelopmentPorts.choose(listen: invocation.value("--listen") ?? "127.0.0.1:8443", folder: folder)
        let base = folder.baseConfiguration(ports, simulator)
        let source: Runtime.Source = { () throws(CommandError) in
            let overlay = try invocation.value("--config").map { path throws(CommandError) in try readOverlay(path) }
            try writeConfiguration([base] + [overlay].compactMap { $0 }, folder, invocation)
            return try Installation.load(folder.configuration, invocation.environment)
        }
        let runtime = try await Runtime.start(
            configuration: try source(), manager: ServiceManager(environment: invocation.environment), source: source)
        let workspace = runtime.composition.workspace
        try await account.ensure(in: workspace)
        let report = Report(
            issuer: workspace.configuration.server.publicURL,
            mcpURL: workspace.configuration.oauthSettings.resources.first?.url ?? "",
            admin: runtime.present.admin?.endpoint, folder: folder, simulator: simulator, account: account)
        invocation.output.object(report.json, text: report.text)
        if let path = invocation.value("--ready-file") {
            do { try Files.write(report.json.text + "\n", to: path, mode: 0o600) } catch {
                throw CommandError(.cannotCreate, "\(error).")
            }
        }
        await runtime.runUntilSignalled()
        await simulator.stop()
    }

    private static func readOverlay(_ path: String) throws(CommandError) -> String {
        do { return try Files.readText(path) } catch { throw CommandError(.configuration, "\(error).") }
    }

    /// The merged result is what the commands read (contract §9).
    private static func writeConfiguration(_ layers: [String], _ folder: DevelopmentFolder, _ invocation: Invocation)
        throws(CommandError)
    {
        let loader = ConfigurationLoader(environment: [:])
        do throws(ConfigurationLoader.Failure) {
            let tree = try loader.merge(layers)
            _ = try ConfigurationLoader(environment: invocation.environment).read(tree)
            do { try Files.write(tree.yaml, to: folder.configuration, mode: 0o600) } catch {
                throw ConfigurationLoader.Failure(problems: [
                    ConfigurationProblem(path: folder.configuration, line: 0, message: "\(error)")
                ])
            }
        } catch { throw Installation.failure(error, invocation.value("--config") ?? folder.configuration) }
    }
}

/// The user everybody gets in development. Password and key are derived from a key of the folder: the same at every start, and
/// nowhere on disk in clear.
struct DemoAccount: Sendable {
    static let name = "demo"
    static let email = "demo@example.com"
    let password: Secret
    let qarnotKey: Secret

    init(key: RootKey) {
        password = Self.text(key.derive(purpose: "dev demo password v1"))
        qarnotKey = Self.text(key.derive(purpose: "dev demo qarnot key v1"))
    }

    private static func text(_ secret: Secret) -> Secret { secret.expose { Secret(Base64.encode($0.prefix(18))) } }

    /// Creates the user and stores the key, once.
    func ensure(in workspace: Workspace) async throws(CommandError) {
        let existing: User?
        do throws(StoreError) { existing = try await workspace.users.user(named: Self.name) } catch { throw CommandError(error) }
        guard existing == nil else { return }  // a key removed on purpose stays removed
        let user = try await UserCommands.create(Self.name, .admin, password, in: workspace)
        var event = Event("vault.key.stored", subject: Self.name)
        event.engine = "qarnot"
        try await workspace.recordCommand(event)
        do throws(VaultError) {
            try await workspace.vault.store(qarnotKey, user: user.id, engine: "qarnot", at: .now())
        } catch { throw CommandError(error) }
    }
}

/// What people and scripts are told when everything runs.
private struct Report {
    let issuer: String
    let mcpURL: String
    let admin: Endpoint?
    let folder: DevelopmentFolder
    let simulator: Simulator
    let account: DemoAccount

    var json: JSONValue {
        let user: JSONValue = [
            "username": .string(DemoAccount.name), "password": .string(account.password.exposeText()),
            "qarnot_key": .string(account.qarnotKey.exposeText()),
        ]
        return [
            "pid": .int(getpid()), "issuer": .string(issuer), "mcp_url": .string(mcpURL), "ca_file": .string(folder.authority),
            "data_dir": .string(folder.path), "config_file": .string(folder.configuration),
            "admin_url": .string(orNull: admin.map { "http://\($0)" }), "qarnot_url": .string(simulator.restURL),
            "storage_url": .string(simulator.storageURL), "qarnot_admin_url": .string(simulator.adminURL), "users": [user],
        ]
    }

    var text: String {
        """

        Gatehouse is running.

          MCP URL    \(mcpURL)
          Sign in    \(DemoAccount.name) / \(account.password.exposeText())
          CA file    \(folder.authority)
          Commands   gatehouse user list --data-dir \(folder.path)

        Paste the MCP URL into a client that trusts the CA file. Stop with Ctrl-C.

        """
    }
}
