import Primitives
import Testing

@testable import App

@Suite struct SettingSchemaTests {
    private let schema = SettingSchema.make()

    @Test(arguments: SettingCatalog.settings.map(\.path))
    func `every setting of the catalog is in the schema, with its meaning`(_ path: String) throws {
        var value = try #require(schema.document["properties"])
        let parts = path.split(separator: ".").map(String.init)
        for part in parts.dropLast() { value = try #require(value[part]?["properties"]) }
        let setting = try #require(SettingCatalog.settings.first { $0.path == path })
        #expect(try #require(parts.last.flatMap { value[$0] })["description"]?.string == setting.meaning)
    }

    @Test(arguments: [
        "limits.networks", "limits.tool", "login.providers", "oauth.trusted_issuers", "upstreams", "engines.qarnot.budgets",
    ])
    func `lists and maps have their members`(_ path: String) throws {
        var node = schema
        for part in path.split(separator: ".") { node = try #require(node.member(String(part))) }
        switch path {
        case "limits.networks": #expect(node.member("cidr") != nil && node.member("factor") != nil && node.member("address") != nil)
        case "limits.tool": #expect(node.member("default") != nil && node.member(SettingSchema.anyName) != nil)
        case "login.providers": #expect(node.member("client_secret") != nil && node.member("identity_assertions") != nil)
        case "oauth.trusted_issuers": #expect(node.member("jwks_uri") != nil && node.member("scopes") != nil)
        case "upstreams": #expect(node.member("credential")?.member("format") != nil && node.member("max_response_bytes") != nil)
        default: #expect(node.member("users")?.member(SettingSchema.anyName)?.member("pools") != nil)
        }
    }

    @Test func `nothing else may stand there`() {
        #expect(schema.document["additionalProperties"] == false)
        #expect(schema.document["properties"]?["server"]?["additionalProperties"] == false)
    }
}
