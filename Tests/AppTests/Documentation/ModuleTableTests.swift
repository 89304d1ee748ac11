import Foundation
import Testing

/// The import rules of docs/architecture.md, read from the document itself.
@Suite struct ModuleTableTests {
    struct Row {
        let target: String
        let imports: Set<String>
    }

    /// Comes with the compiler, not with the package.
    private static let system: Set = ["Glibc", "Synchronization"]

    private static func table() throws -> [Row] {
        let text = try Golden.read("docs/architecture.md")
        return text.matches(of: /(?m)^\| `([A-Za-z0-9-]+)`(?: \([^|]*\))? \| [^|]* \| ([^|]*) \|$/).map { match in
            Row(target: String(match.1), imports: Set(match.2.matches(of: /[A-Z][A-Za-z0-9]*/).map { String($0.0) }))
        }
    }

    private static func imports(of target: String) throws -> Set<String> {
        let folder = Golden.root.appending(path: "Sources/\(target)")
        guard let files = FileManager.default.enumerator(at: folder, includingPropertiesForKeys: nil) else { return [] }
        var found: Set<String> = []
        for case let file as URL in files where file.pathExtension == "swift" {
            let text = try String(contentsOf: file, encoding: .utf8)
            for match in text.matches(of: /(?m)^(?:@\w+ )?(?:(?:package|internal|private|public) )?import ([A-Za-z0-9]+)$/) {
                found.insert(String(match.1))
            }
        }
        return found.subtracting(Self.system)
    }

    private static func folders() throws -> Set<String> {
        Set(try FileManager.default.contentsOfDirectory(atPath: Golden.root.appending(path: "Sources").path))
    }

    @Test func `every target has a row, and every row a target`() throws {
        let targets = try Set(Self.table().map(\.target))
        #expect(targets == (try Self.folders()))
    }

    @Test func `a target imports what its row says`() throws {
        for row in try Self.table() {
            let imports = try Self.imports(of: row.target)
            #expect(imports.subtracting(row.imports) == [], "\(row.target) imports more than docs/architecture.md says")
            #expect(row.imports.subtracting(imports) == [], "docs/architecture.md gives \(row.target) more than it imports")
        }
    }

    @Test func `a row imports only rows above it`() throws {
        var above: Set<String> = []
        for row in try Self.table() {
            #expect(row.imports.isSubset(of: above), "\(row.target) looks up")
            above.insert(row.target)
        }
    }

    @Test func `no C module is re-exported, and Foundation stays out`() throws {
        for target in try Self.folders() {
            #expect(try !Self.imports(of: target).contains("Foundation"))
            let folder = Golden.root.appending(path: "Sources/\(target)")
            let files = FileManager.default.enumerator(at: folder, includingPropertiesForKeys: nil)
            while let file = files?.nextObject() as? URL {
                guard file.pathExtension == "swift" else { continue }
                let text = try String(contentsOf: file, encoding: .utf8)
                #expect(text.firstMatch(of: /(?m)^(package|public) import C(OpenSSL|SQLite|Curl|Yaml|Argon2|Linux)$/) == nil)
                #expect(!text.contains("@_exported"))
            }
        }
    }
}
