import Testing

@testable import App

@Suite struct ArgumentsTests {
    private static let command = Command(
        path: ["thing", "do"], usage: "NAME", summary: "",
        options: [
            .init("--role", "ROLE", ""), .init("--yes", nil, ""), .init("--follow", short: "-f", nil, ""), .init("-n", "N", ""),
        ]
    ) { _ throws(CommandError) in }

    private func parse(_ words: String...) throws -> Arguments { try Arguments(words, for: Self.command) }

    @Test func `options, switches and operands come in any order`() throws {
        let arguments = try parse("a", "--role", "x", "--yes", "b", "-n", "5", "-f")
        #expect(arguments.operands == ["a", "b"])
        #expect(arguments.value("--role") == "x" && arguments.value("-n") == "5")
        #expect(arguments.has("--yes") && arguments.has("--follow") && !arguments.has("--json"))
    }

    @Test func `a value may follow an equals sign, and hold one`() throws {
        #expect(try parse("--role=a=b").value("--role") == "a=b")
    }

    @Test func `an empty value after an equals sign is a value`() throws {
        #expect(try parse("--role=", "name").value("--role") == "")
        #expect(try parse("--role=", "name").operands == ["name"])
    }

    @Test func `a repeated option keeps all values, the last one counts`() throws {
        let arguments = try parse("--role", "a", "--role", "b")
        #expect(arguments.all("--role") == ["a", "b"] && arguments.value("--role") == "b")
    }

    @Test func `two hyphens end the options, and one is an operand`() throws {
        #expect(try parse("-", "--", "--role", "-n").operands == ["-", "--role", "-n"])
    }

    @Test func `every command takes the common options`() throws {
        let arguments = try parse("--config", "f", "--data-dir", "d", "--json", "-h")
        #expect(arguments.value("--config") == "f" && arguments.value("--data-dir") == "d")
        #expect(arguments.has("--json") && arguments.has("--help"))
    }

    @Test(arguments: [["--rol", "x"], ["--role"], ["-x"], ["--yes=1"], ["--Role", "x"]])
    func `anything else is a usage error`(_ words: [String]) {
        #expect {
            try Arguments(words, for: Self.command)
        } throws: { ($0 as? CommandError)?.code == .usage }
    }

    @Test func `a missing operand is named`() throws {
        let arguments = try parse("a")
        #expect(try arguments.operand(0, "NAME") == "a")
        #expect {
            try arguments.operand(1, "ROLE")
        } throws: { ($0 as? CommandError)?.message == "ROLE is missing." }
    }
}
