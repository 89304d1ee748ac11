import Primitives
import Testing

@testable import App

@Suite struct YAMLNodeTests {
    @Test func `every value knows its line`() throws {
        let tree = try YAMLNode(parsing: "# comment\na: 1\nb:\n  c: [x, y]\n")
        guard case .mapping(let members) = tree.value, case .mapping(let inner) = members[1].value.value else {
            Issue.record("no mapping")
            return
        }
        #expect(members.map(\.line) == [2, 3])
        #expect(inner[0].line == 4)
    }

    @Test(arguments: [
        ("a: 1\nb: 2\na: 3\n", 3, "\"a\" stands twice"),
        ("a:\n  b: 1\n  b: 2\n", 3, "\"b\" stands twice"),
        ("a: 1\nb: *x\n", 2, "aliases"),
        ("a: &x 1\n", 1, "anchors"),
        ("a: !!int 1\n", 1, "tags"),
        ("a: !secret x\n", 1, "tags"),
        ("? [a]\n: b\n", 1, "a key must be a word"),
        ("a: {b: 1\n", 2, ""),
        ("a: 1\n---\nb: 2\n", 2, "one document"),
        ("a: [1]\n}\n", 2, ""),
        ("a: \"\\q\"\n", 1, ""),
    ])
    func `what has no plain reading is refused with its line`(_ text: String, _ line: Int, _ words: String) {
        #expect {
            try YAMLNode(parsing: text)
        } throws: { error in
            guard let problem = error as? YAMLNode.Problem else { return false }
            return problem.line == line && (words.isEmpty || problem.message.contains(words))
        }
    }

    @Test func `nesting ends at a depth no configuration needs`() {
        #expect(throws: YAMLNode.Problem.self) { try YAMLNode(parsing: String(repeating: "[", count: 40)) }
    }

    @Test(arguments: ["", "\n", "# only a comment\n", "---\n"])
    func `an empty text is an empty mapping`(_ text: String) throws {
        let value = try YAMLNode(parsing: text).value
        switch value {
        case .mapping(let members): #expect(members.isEmpty)
        case .scalar(let text, _): #expect(text.isEmpty)
        case .sequence: Issue.record("a sequence")
        }
    }

    @Test(arguments: [
        "server: { listen: [\"0.0.0.0:8443\", \"[::1]:8443\"], admin_listen: null }",
        "a: \"null\"\nb: null\nc: ~\nd: \"\"\ne: 'x: y'",
        "a:\n  - b: 1\n    c: [2, 3]\n  - {}\n  - []",
        "limits: { tool: { \"qarnot/submit_task\": off, 'odd\"name\\': { rate: 1 } } }",
        "a: \"line\\nbreak \\t tab\"\nb: \"é 漢 😀\"\nc: \"\\u2028\"",
        "url: https://gate.example.com\npath: \"sqlite:///x y/z.db\"\ncolon: \"a:\"\ndash: \"-\"\nhash: \"#x\"",
    ])
    func `what is written reads back as the same tree`(_ text: String) throws {
        let tree = try YAMLNode(parsing: text)
        let again = try YAMLNode(parsing: tree.yaml)
        #expect(again.json == tree.json)
        #expect(again.yaml == tree.yaml)
    }

    @Test(arguments: ["-", "a:", "- x", "?", ":x", "null", "~", "5", "on", "[", "a b", "*x", "", "é", "x #y"])
    func `a value from the environment survives the writing`(_ value: String) throws {
        let tree = YAMLNode(value: .mapping([]), line: 1).setting(["log", "level"], to: value)
        #expect(try YAMLNode(parsing: tree.yaml).json == tree.json)
    }

    @Test(arguments: ["null", "~", ""])
    func `null written and read again is still null`(_ word: String) throws {
        let tree = try YAMLNode(parsing: try YAMLNode(parsing: "a: \(word)\nb: \"\(word)\"").yaml)
        guard case .mapping(let members) = tree.value, case .scalar(_, let isPlain) = members[0].value.value,
            case .scalar(_, let isQuotedPlain) = members[1].value.value
        else {
            Issue.record("no mapping of scalars")
            return
        }
        #expect(isPlain && !isQuotedPlain)
    }

    @Test func `an overlay merges mappings and replaces everything else`() throws {
        let base = try YAMLNode(parsing: "a: { b: 1, c: 2 }\nl: [1, 2]\nx: 1")
        let over = try YAMLNode(parsing: "a: { c: 3, d: 4 }\nl: [9]\nx: { y: 1 }")
        let merged = base.overlaid(by: over).json
        #expect(merged.text == #"{"a":{"b":"1","c":"3","d":"4"},"l":["9"],"x":{"y":"1"}}"#)
    }
}
