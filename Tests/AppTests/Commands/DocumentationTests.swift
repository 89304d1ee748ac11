import Testing

@testable import App

@Suite struct DocumentationTests {
    @Test func `after a noun come its verbs, after nothing the nouns`() {
        #expect(Completions.words(after: ["vault"], Command.all) == ["rekey", "status"])
        #expect(Completions.words(after: ["user", "otp"], Command.all) == ["reset"])
        #expect(Set(Completions.words(after: [], Command.all)) == Set(Command.all.map { $0.path[0] }))
    }

    @Test(arguments: [Completions.Shell.bash, .zsh, .fish])
    func `every command and every option is in every script`(_ shell: Completions.Shell) {
        let script = Completions.script(for: shell, Command.all)
        for command in Command.all {
            #expect(script.contains(command.path.last ?? ""))
            for option in command.options where option.name.hasPrefix("--") {
                #expect(script.contains(shell == .fish ? "-l \(option.name.dropFirst(2))" : option.name), "\(option.name)")
            }
        }
    }

    @Test func `the manual has every command, and no line of text that begins a request`() {
        let page = ManualPage.text(Command.all)
        for command in Command.all { #expect(page.contains(".SS gatehouse \(command.title.replacing("-", with: "\\-"))")) }
        let requests = Set(page.split(separator: "\n").filter { $0.hasPrefix(".") }.map { $0.prefix { $0 != " " } })
        #expect(requests == [".TH", ".SH", ".B", ".I", ".RI", ".SS", ".TP", ".PP"])
        #expect(page.unicodeScalars.allSatisfy { $0.isASCII })
    }

    @Test(arguments: [0, 37, 100])
    func `a progress bar is always as wide`(_ percent: Int) {
        #expect(ProgressBar.line("Copying", percent).split(separator: "]")[0].count == "Copying [".count + 30)
    }

    @Test func `the forms of our pages are read as a browser reads them`() throws {
        let form = try #require(PageForm(try Golden.read("Tests/Fixtures/pages/login-hostile.html")))
        #expect(form.action == "/login" && form.has("username") && form.has("password"))
        let sent = form.filled(["username": "ada", "password": "p"])
        #expect(sent.map(\.0).sorted() == ["password", "token", "transaction", "username"])
        let consent = try #require(PageForm(try Golden.read("Tests/Fixtures/pages/consent-preregistered.html")))
        let decided = consent.filled(["decision": "allow"])
        #expect(decided.filter { $0.0 == "scope" }.map(\.1) == ["qarnot:read", "qarnot:execute"])
        #expect(decided.filter { $0.0 == "decision" }.map(\.1) == ["allow"])
    }
}
