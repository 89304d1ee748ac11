import Foundation
import Primitives
import Testing

@testable import App

@Suite struct SettingCatalogTests {
    /// The environment that sets every setting of the catalog to its own default.
    private static var everyDefault: [String: String] {
        var environment: [String: String] = [:]
        for setting in SettingCatalog.settings { environment[setting.environmentName] = value(of: setting) }
        return environment
    }

    private static func value(of setting: SettingCatalog.Setting) -> String {
        switch setting.path {
        case "server.public_url": "https://gate.example.com"
        case "server.tls.certificate", "server.tls.key": "/etc/gatehouse/file"
        default: setting.defaultText == "[]" ? "" : setting.defaultText.replacing(", ", with: ",")
        }
    }

    private func load(_ environment: [String: String]) throws -> Configuration {
        do throws(ConfigurationLoader.Failure) { return try ConfigurationLoader(environment: environment).load([]) } catch {
            Issue.record("\(error.problems.map(\.description))")
            throw error
        }
    }

    private static let required = [
        "GATEHOUSE_SERVER_PUBLIC_URL": "https://gate.example.com", "GATEHOUSE_SERVER_TLS_CERTIFICATE": "/etc/gatehouse/file",
        "GATEHOUSE_SERVER_TLS_KEY": "/etc/gatehouse/file",
    ]

    @Test func `the catalog's defaults are those in force`() throws {
        let told = try load(Self.everyDefault)
        let real = try load(Self.required)
        #expect("\(told)" == "\(real)")
    }

    @Test(arguments: SettingCatalog.settings.map(\.path))
    func `the reader knows every setting of the catalog`(_ path: String) throws {
        let setting = try #require(SettingCatalog.settings.first { $0.path == path })
        let tree = YAMLNode(value: .mapping([]), line: 1).setting(
            path.split(separator: ".").map(String.init), to: Self.value(of: setting))
        do throws(ConfigurationLoader.Failure) { _ = try ConfigurationLoader(environment: Self.required).load([tree.yaml]) } catch {
            Issue.record("\(error.problems.map(\.description))")
        }
    }

    @Test func `no two settings share an environment name`() {
        #expect(Set(SettingCatalog.settings.map(\.environmentName)).count == SettingCatalog.settings.count)
    }

    @Test func `every key the reader takes as a scalar is in the catalog`() throws {
        let source = try Golden.read("Sources/App/Configuration/Configuration+Reading.swift")
        let names = source.matches(of: /\.(?:string|optionalString|int|bool|choice|duration|strings)\("([a-z0-9_]+)"/).map {
            String($0.1)
        }
        let known = Set(SettingCatalog.settings.flatMap { $0.path.split(separator: ".").map(String.init) })
        // Members of the lists and maps that docs/configuration.md describes by hand.
        let byHand: Set = [
            "cidr", "factor", "issuer", "jwks_uri", "user_claim", "scopes", "title", "client_id", "client_secret", "link_existing",
            "new_user_role", "identity_assertions", "name", "tenant", "tenant_claim", "acr", "groups", "group_claim",
        ]
        #expect(Set(names).subtracting(known).subtracting(byHand) == [])
    }

    @Test func `docs, configuration.md holds the generated tables`() throws {
        let path = "docs/configuration.md"
        let (start, end) = ("<!-- generated: settings -->\n", "<!-- end of generated -->\n")
        let text = try Golden.read(path)
        let head = try #require(text.firstRange(of: start))
        let tail = try #require(text.firstRange(of: end))
        try Golden.expect(
            text[..<head.upperBound] + "\n" + ConfigurationReference.markdown + text[tail.lowerBound...], equals: path)
    }
}
