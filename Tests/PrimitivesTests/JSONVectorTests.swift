import Foundation
import Primitives
import Testing

/// JSONTestSuite by Nicolas Seriot: `y_` must parse, `n_` must be refused. Our choice for `i_`: what cannot be kept exactly
/// (invalid UTF-8, lone surrogates, nesting beyond the limit) is refused, every other number and string is kept.
@Suite struct JSONVectorTests {
    static let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .appending(path: "Fixtures/json/test_parsing")
    static func files(_ prefix: String) -> [String] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder.path())) ?? []
        return names.filter { $0.hasPrefix(prefix) }.sorted()
    }
    /// Parsed by RFC 8259, refused by us on purpose: two readers may disagree on which member counts.
    static let duplicates: Set = ["y_object_duplicated_key.json", "y_object_duplicated_key_and_value.json"]

    private func parse(_ name: String) throws -> JSONValue {
        try JSONValue(parsing: Array(Data(contentsOf: Self.folder.appending(path: name))))
    }

    @Test(arguments: files("y_").filter { !duplicates.contains($0) })
    func `valid text parses and survives writing`(_ name: String) throws {
        let value = try parse(name)
        #expect(try JSONValue(parsing: value.serialized) == value)
    }

    @Test(arguments: files("n_"))
    func `invalid text is refused`(_ name: String) {
        #expect(throws: JSONError.self) { try parse(name) }
    }

    @Test(arguments: files("i_"))
    func `undefined text is refused or kept, never altered`(_ name: String) throws {
        guard let value = try? parse(name) else { return }
        #expect(try JSONValue(parsing: value.serialized) == value)
    }

    @Test(arguments: duplicates.sorted())
    func `a repeated key is refused`(_ name: String) {
        #expect(throws: JSONError.self) { try parse(name) }
    }

    @Test func `a repeated key in a wide object is refused`() {
        let members = (0..<1000).map { "\"k\($0)\":0" } + ["\"k5\":1"]
        #expect(throws: JSONError.self) { try JSONValue(parsing: "{" + members.joined(separator: ",") + "}") }
    }

    @Test func `nesting beyond the limit is refused`() {
        let text = String(repeating: "[", count: 65) + String(repeating: "]", count: 65)
        #expect(throws: JSONError.self) { try JSONValue(parsing: text) }
    }
}
