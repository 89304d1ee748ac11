import Testing

@testable import App

@Suite struct HelpTests {
    @Test(arguments: Command.all.map(\.title))
    func `a help screen reads as it did`(_ title: String) throws {
        let command = try #require(Command.all.first { $0.title == title })
        try Golden.expect(command.help, equals: "Tests/Fixtures/help/\(title.replacing(" ", with: "-")).txt")
    }

    @Test func `the overview lists every command`() throws {
        try Golden.expect(CommandLineTool.overview + "\n", equals: "Tests/Fixtures/help/overview.txt")
    }

    @Test(arguments: Set(Command.all.filter { $0.path.count > 1 }.map { $0.path[0] }).sorted())
    func `a noun lists its verbs`(_ noun: String) throws {
        try Golden.expect(CommandLineTool.overview(of: noun) + "\n", equals: "Tests/Fixtures/help/\(noun).txt")
    }

    @Test func `no two commands are called alike, and each is a verb, a noun and verb, or has a noun between`() {
        #expect(Set(Command.all.map(\.path)).count == Command.all.count)
        #expect(Command.all.allSatisfy { (1...3).contains($0.path.count) })
    }

    @Test(arguments: Command.all.map(\.title))
    func `options have two hyphens, apart from -n and short forms`(_ title: String) throws {
        let command = try #require(Command.all.first { $0.title == title })
        for option in command.options { #expect(option.name.hasPrefix("--") || option.name == "-n") }
    }

    @Test(arguments: Command.all.map(\.title))
    func `no option takes a secret on the command line`(_ title: String) throws {
        let command = try #require(Command.all.first { $0.title == title })
        let words = ["PASSWORD", "SECRET", "KEY"]
        for option in command.options { #expect(!words.contains(option.placeholder ?? "")) }
    }
}
