import Foundation
import FuzzProperties
import Testing

@Suite struct FuzzCorpusTests {
    struct Input: Sendable, CustomTestStringConvertible {
        let target: FuzzTarget
        let file: URL
        var testDescription: String { "\(target.rawValue)/\(file.lastPathComponent)" }
    }

    static let inputs: [Input] = FuzzTarget.allCases.flatMap { target in
        let files = (try? FileManager.default.contentsOfDirectory(at: target.corpus, includingPropertiesForKeys: nil)) ?? []
        return files.sorted { $0.lastPathComponent < $1.lastPathComponent }.map { Input(target: target, file: $0) }
    }

    @Test(arguments: FuzzTarget.allCases)
    func `every target has a corpus`(_ target: FuzzTarget) { #expect(Self.inputs.count { $0.target == target } >= 5) }

    @Test(arguments: inputs)
    func `no input of a corpus breaks a rule`(_ input: Input) throws {
        #expect(input.target.violation(by: Array(try Data(contentsOf: input.file))) == nil)
    }
}
