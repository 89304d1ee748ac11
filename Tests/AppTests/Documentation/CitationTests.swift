import Foundation
import Testing

/// What the documents cite is there: files, and tests by name.
@Suite struct CitationTests {
    static let documents = [
        "README.md", "docs/architecture.md", "docs/conformance.md", "docs/threat-model.md", "docs/operations.md",
        "docs/configuration.md",
        "docs/CONTRIBUTING.md",
    ]

    @Test(arguments: documents)
    func `cited files exist`(_ document: String) throws {
        let text = try Golden.read(document)
        for match in text.matches(of: /`((?:Sources|Tests|docs|scripts|deploy)\/[A-Za-z0-9+\/._-]*[A-Za-z0-9_])`/) {
            #expect(FileManager.default.fileExists(atPath: Golden.root.appending(path: match.1).path), "\(match.1)")
        }
    }

    @Test(arguments: documents)
    func `linked documents exist`(_ document: String) throws {
        let folder = Golden.root.appending(path: document).deletingLastPathComponent()
        for match in try Golden.read(document).matches(of: /\]\(([^)#:]+)(?:#[^)]*)?\)/) {
            #expect(FileManager.default.fileExists(atPath: folder.appending(path: match.1).path), "\(match.1)")
        }
    }

    /// A test is cited by its file and, in italics, its name; one of Python as `test_name`.
    @Test(arguments: ["docs/conformance.md", "docs/threat-model.md"])
    func `cited tests exist, in the file named`(_ document: String) throws {
        let (swift, python) = try Self.tests()
        let text = try Golden.read(document)
        for match in text.matches(of: /\*([^*\n]+)\*/) {
            let isThere = swift[String(match.1)] != nil  // in a constant: a failure would print every name otherwise
            #expect(isThere, "\(match.1)")
        }
        for match in text.matches(of: /([A-Z]\w+Tests): \*([^*\n]+)\*/) {
            let isThere = swift[String(match.2)]?.contains(String(match.1)) == true
            #expect(isThere, "\(match.1): \(match.2)")
        }
        for match in text.matches(of: /`(test_[a-z0-9_]+)`/) {
            let isThere = python.contains(String(match.1))
            #expect(isThere, "\(match.1)")
        }
    }

    /// Names of tests with the files that have them, and functions of the clients' tests.
    private static func tests() throws -> (swift: [String: Set<String>], python: Set<String>) {
        var (swift, python): ([String: Set<String>], Set<String>) = ([:], [])
        let files = FileManager.default.enumerator(at: Golden.root.appending(path: "Tests"), includingPropertiesForKeys: nil)
        while let file = files?.nextObject() as? URL {
            guard ["swift", "py"].contains(file.pathExtension) else { continue }
            let text = try String(contentsOf: file, encoding: .utf8)
            let name = file.deletingPathExtension().lastPathComponent
            for match in text.matches(of: /func `([^`]+)`/) { swift[String(match.1), default: []].insert(name) }
            python.formUnion(text.matches(of: /def (test_[a-z0-9_]+)\(/).map { String($0.1) })
        }
        return (swift, python)
    }
}
