import Primitives
import Testing

@testable import App

@Suite struct ConfigurationChangesTests {
    private static let required = [
        "GATEHOUSE_SERVER_PUBLIC_URL": "https://gate.example.com", "GATEHOUSE_SERVER_TLS_CERTIFICATE": "/etc/gatehouse/file",
        "GATEHOUSE_SERVER_TLS_KEY": "/etc/gatehouse/file",
    ]

    private static let fixed = [
        "server.public_url", "server.loops", "server.own_addresses", "server.proxy_protocol", "storage.url", "vault.root_key",
    ]

    private func load(_ setting: SettingCatalog.Setting? = nil) throws -> Configuration {
        var environment = Self.required
        // A listener of the PROXY protocol needs someone to trust.
        environment["GATEHOUSE_SERVER_TRUSTED_PROXIES"] = "192.0.2.0/24"
        if let setting { environment[setting.environmentName] = Self.other(setting) }
        return try ConfigurationLoader(environment: environment).load([])
    }

    /// A value that is allowed and not the default.
    private static func other(_ setting: SettingCatalog.Setting) -> String {
        switch setting.path {
        case "server.public_url": "https://other.example.com"
        case "server.listen", "server.admin_listen": "127.0.0.1:1"
        case "server.trusted_proxies", "server.own_addresses": "10.0.0.0/8"
        case "server.forwarded": "forwarded"
        case "server.proxy_protocol": "0.0.0.0:8443"
        case "server.limits.buffered_bytes": "1048576"
        case "server.limits.keep_alive": "5s"
        case "server.limits.body_bytes", "server.limits.header_bytes": "65536"
        case "storage.url": "sqlite:///other.db"
        case "vault.root_key": "file:/other.key"
        case "oauth.registration", "oauth.client_metadata_documents", "engines.qarnot.enabled", "audit.rotate.daily",
            "login.pepper":
            "off"
        case "audit.witnesses": "file:/other"
        case "audit.rotate.bytes": "1048576"
        case "oauth.client_approval", "oauth.grants_end_with_key": "on"
        case "oauth.client_hosts.others": "refuse"
        case let path where path.hasPrefix("login.require."): "phr"
        case "login.argon2.memory_kib": "19456"
        case "audit.durability": "batched"
        case "engines.qarnot.path": "/mcp/qarnot"
        case "engines.qarnot.api_url", "engines.qarnot.storage_url": "https://other.example.com"
        case "log.level": "debug"
        case "confirm": "destructive"
        case "limits.dry_run", "audit.pseudonyms": "on"
        case "traces.endpoint": "http://127.0.0.1:4318/v1/traces"
        case "traces.share": "1"
        case "log.format": "text"
        case let path where path.hasSuffix("timeout") || path.hasPrefix("server.drain") || setting.defaultText.hasSuffix("0s"): "7s"
        case "oauth.refresh_token.absolute": "80d"
        case let path where path.contains("lifetime") || path.contains("refresh_token"): "2h"
        default: Int(setting.defaultText) == nil ? "/other" : "7"
        }
    }

    @Test(arguments: SettingCatalog.settings.map(\.path))
    func `a changed setting is named, and taken over or left for a restart`(_ path: String) throws {
        let setting = try #require(SettingCatalog.settings.first { $0.path == path })
        let (running, newer) = (try load(), try load(setting))
        let change = running.change(to: newer)
        if Self.fixed.contains(path) || path.hasPrefix("audit.") {
            #expect(change.changed == [] && change.needingRestart == [path] && change.configuration == running)
        } else {
            #expect(change.changed == [path] && change.needingRestart == [] && change.configuration == newer)
        }
    }

    @Test func `changed limits are named one by one`() throws {
        let running = try load()
        var newer = running
        newer.limits.user = nil
        newer.limits.login = nil
        newer.limits.tools = [:]
        newer.limits.networks = [Configuration.NetworkLimit(network: .init("10.0.0.0/8")!)]
        #expect(
            running.change(to: newer).changed == ["limits.user", "limits.tool", "limits.endpoints.login", "limits.networks"])
    }

    @Test func `nothing that a configuration holds escapes the comparison`() {
        // A new setting needs a line in `compared`, or a reload would take it over and not say so.
        let settings = Mirror(reflecting: Configuration()).children.reduce(0) {
            $0 + max(1, Mirror(reflecting: $1.value).children.count)  // a setting of its own has no parts
        }
        #expect(settings == Configuration.comparedCount)
    }
}
