import Foundation
import HTTP
import Testing

@Suite struct FuzzCorpusTests {
    static let inputs: [URL] = {
        let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent().appending(path: "Fuzz/http1")
        let files = (try? FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)) ?? []
        return files.sorted { $0.lastPathComponent < $1.lastPathComponent }
    }()

    @Test func `the corpus is there`() { #expect(Self.inputs.count > 100) }

    @Test(arguments: inputs)
    func `no input of the corpus breaks a rule`(_ input: URL) throws {
        #expect(RequestProperties.violation(by: Array(try Data(contentsOf: input))) == nil)
    }
}
