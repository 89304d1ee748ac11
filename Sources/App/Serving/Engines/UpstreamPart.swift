import Client
import Crypto
import HTTP
import MCP
import OAuth
import Primitives
import Proxy
import Storage
import Transport

/// One upstream of the configuration and what is known of it.
struct UpstreamPart: Sendable {
    let configuration: Configuration.Upstream
    let upstream: Upstream

    /// Makes the parts of all upstreams. Those that did not change keep their connections, sessions and health.
    static func make(
        _ shared: SharedParts, _ configuration: Configuration, _ settings: OAuthSettings, former: [UpstreamPart]
    ) throws(CommandError) -> [UpstreamPart] {
        guard !configuration.upstreams.entries.isEmpty else { return [] }
        let tls: TLSClientContext
        do { tls = try TLSClientContext() } catch {
            throw CommandError(.software, "TLS for upstream servers cannot be set up: \(error).")
        }
        let resolver = SystemResolver(sleeper: shared.sleeper)
        var parts: [UpstreamPart] = []
        for entry in configuration.upstreams.entries {
            if let same = former.first(where: { $0.configuration == entry }) {
                parts.append(same)
                continue
            }
            guard let url = URLReference(entry.url), let origin = UpstreamOrigin(url, tls: tls) else {
                throw CommandError(.configuration, "upstreams: \(entry.url) is no URL of a server.")
            }
            let watcher = shared.watcher
            let upstream = Upstream(
                settings: entry.proxySettings(accountURL: settings.issuer + "/account"),
                client: UpstreamClient(origin, resolver: resolver, group: shared.group),
                keys: VaultKeys(
                    vault: shared.workspace.vault, engine: entry.name, auditor: shared.auditor, epoch: { watcher.current }),
                identities: IdentityAssertions(issuer: settings.issuer, keyring: shared.workspace.keyring),
                group: shared.group, sleeper: shared.sleeper,
                pins: FilePins(path: configuration.databasePath + ".tools-\(entry.name).json"))
            parts.append(UpstreamPart(configuration: entry, upstream: upstream))
        }
        return parts
    }

    func route(
        _ shared: SharedParts, _ configuration: Configuration, _ settings: OAuthSettings, _ resourceServer: ResourceServer
    ) -> Gateway.EngineRoute {
        let name = self.configuration.name
        let resource = ProtectedResource(
            url: settings.issuer + self.configuration.path, path: self.configuration.path, engine: name, title: name)
        let gate = ToolGate(
            engine: name, resource: resource, settings: settings, limits: configuration.limits,
            toolQuotas: configuration.limits.quotas(of: name), limiter: shared.limiter, cap: shared.calls,
            streamCap: shared.openStreams, auditor: shared.auditor, sleeper: shared.sleeper, metrics: shared.limitMetrics,
            standing: { await resourceServer.stillStands($0) })
        let sealer = Sealer(
            key: HKDF.derive(from: shared.workspace.handleKey, info: "gatehouse upstream handles v1"), upstream: name,
            clock: { .now() })
        return Gateway.EngineRoute(
            resource: resource,
            endpoint: ProxyEndpoint(upstream: upstream, gate: gate, sealer: sealer, streams: shared.streams))
    }
}

extension Configuration.Upstream {
    fileprivate func proxySettings(accountURL: String) -> ProxySettings {
        ProxySettings(
            name: name, credential: credential.map { ProxySettings.Credential(header: $0.header, format: $0.format) },
            identity: identity.map { ProxySettings.Identity(header: $0.header, audience: $0.audience.isEmpty ? url : $0.audience) },
            tools: tools, trustsAnnotations: trustsAnnotations, timeout: timeout, maximumResponseBytes: maximumResponseBytes,
            accountURL: accountURL, version: Version.current)
    }
}

/// Digests of tool definitions in a file beside the database, so that a change during a restart shows too.
struct FilePins: PinStore {
    let path: String
    /// One thread, so that the newest content is the last written.
    private let pool = BlockingPool(threads: 1, queueLimit: 8)

    init(path: String) { self.path = path }

    func load() -> [String: [String]] {
        guard let bytes = try? Files.read(path), let members = try? JSONDocument(parsing: bytes).root.members else { return [:] }
        var pins: [String: [String]] = [:]
        for member in members { pins[member.key] = member.value.elements.compactMap(\.string) }
        return pins
    }

    func save(_ pins: [String: [String]]) {
        let sorted = pins.sorted { $0.key < $1.key }.map { ($0.key, JSONValue.strings($0.value)) }
        let text = JSONValue.object(JSONObject(sorted)).text + "\n"
        // Awaited by nobody: lost pins mean that the next change is not told, and serving goes on.
        Task { [pool, path] in try? await pool.run { try Files.write(text, to: path, mode: 0o600) } }
    }
}
