import Testing

@testable import MCP

@Suite struct ResourceTemplateTests {
    private func match(_ template: String, _ uri: String) -> [String: String]? {
        ResourceTemplate(uriTemplate: template, name: "", title: "", description: "", mimeType: "") { _, _, _ in nil }.match(uri)
    }

    @Test(arguments: [
        ("test://a/{id}/data", "test://a/1/data", ["id": "1"]), ("test://{a}/{b}", "test://x/y", ["a": "x", "b": "y"]),
        ("test://a/{id}", "test://a/%C3%A9%20b", ["id": "é b"]), ("test://a", "test://a", [:]),
    ])
    func `an address gives the values of its variables, decoded`(_ template: String, _ uri: String, _ values: [String: String]) {
        #expect(match(template, uri) == values)
    }

    @Test(arguments: [
        "test://a//data", "test://a/1/2/data", "test://a/../data", "test://a/%2E%2E/data", "test://a/x%2Fy/data",
        "test://a/x%5Cy/data",
        "test://a/x%00/data", "test://a/%zz/data", "test://a/%C3/data", "test://a/1/datas", "test://b/1/data", "test://a/1", "",
        "test://a/%/data",
    ])
    func `what leaves its place, or is another, is no match (mcp.md §5)`(_ uri: String) {
        #expect(match("test://a/{id}/data", uri) == nil)
    }
}
