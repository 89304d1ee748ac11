import Primitives
import Proxy
import Testing

@Suite struct ProxySettingsTests {
    private func settings(trusts: Bool) -> ProxySettings {
        ProxySettings(
            name: "docs", credential: nil, tools: ["search": .read], trustsAnnotations: trusts, accountURL: "", version: "1")
    }

    @Test func `a tool needs the class it was given, else admin, else what trusted annotations say`() {
        #expect(settings(trusts: false).permission(of: "search", isReadOnly: false) == .read)
        #expect(settings(trusts: false).permission(of: "other", isReadOnly: true) == .admin)
        #expect(settings(trusts: true).permission(of: "other", isReadOnly: true) == .read)
        #expect(settings(trusts: true).permission(of: "other", isReadOnly: false) == .execute)
    }
}
