import Primitives
import Testing

@Suite struct ByteWriterTests {
    private static func quoted(_ text: String) -> String {
        var out = ByteWriter()
        out.append(jsonString: text)
        return String(decoding: out.bytes, as: UTF8.self)
    }

    @Test(arguments: ["\"", "\\", "\n", "\u{0}", "\u{1F}", "é", "\u{7F}"], 0..<18)
    func `a special character is escaped wherever it stands among eight bytes`(_ special: String, _ place: Int) throws {
        let text = String(repeating: "a", count: place) + special + String(repeating: "b", count: 17 - place)
        #expect(try JSONValue(parsing: Self.quoted(text)).string == text)
    }

    @Test func `text within text survives being read twice`() throws {
        var inner = ByteWriter()
        inner.append(json: ["a": ["x\"y", "z\\"]])
        var outer = ByteWriter()
        outer.append(jsonStringOf: inner)
        let text = try #require(try JSONValue(parsing: outer.bytes).string)
        #expect(try JSONValue(parsing: text) == ["a": ["x\"y", "z\\"]])
    }

    @Test(arguments: ["", "a", "1234567", "12345678", "https://gw.example/mcp", "~ !#"])
    func `plain text is taken as it is`(_ text: String) {
        var out = ByteWriter()
        let isTaken = out.append(plain: text, limit: 100)
        #expect(isTaken)
        #expect(out.bytes == Array(text.utf8))
    }

    @Test(arguments: ["\"", "\\", "\u{1F}", "\u{7F}", "é", "\u{0}"], [0, 3, 7, 8, 11])
    func `text with anything else is left alone`(_ odd: String, _ place: Int) {
        var out = ByteWriter()
        let isTaken = out.append(plain: String(repeating: "a", count: place) + odd + "bbbb", limit: 100)
        #expect(!isTaken)
        #expect(out.bytes.isEmpty)
    }

    @Test func `text beyond the limit is left alone`() {
        var out = ByteWriter()
        let isTaken = out.append(plain: "123456789", limit: 8)
        #expect(!isTaken)
        #expect(out.bytes.isEmpty)
    }

    @Test(arguments: [0, 7, 10, 99, 100, 123_456_789, -1, -10, .max, .min])
    func `integers are written as Swift writes them`(_ value: Int) {
        var out = ByteWriter()
        out.append(decimal: value)
        #expect(String(decoding: out.bytes, as: UTF8.self) == String(value))
    }

    @Test func `a number is padded to its width`() {
        var out = ByteWriter()
        out.append(decimal: 7, width: 3)
        out.append(decimal: 1234, width: 3)
        #expect(out.bytes == Array("0071234".utf8))
    }
}
