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

    /// A short walk around the corpus in every run; `scripts/fuzz passkeys` walks on. The same steps each time.
    @Test func `what authenticators answer, changed in a few places, breaks no rule`() throws {
        var state: UInt64 = 0x9E37_79B9_7F4A_7C15
        func next(_ bound: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int(state >> 33) % bound
        }
        let files = Self.inputs.filter { $0.target == .passkeys }.map(\.file)
        for file in files {
            let original = Array(try Data(contentsOf: file))
            for _ in 0..<400 {
                var input = original
                for _ in 0...next(3) {
                    switch next(4) {
                    case 0: input[next(input.count)] = UInt8(next(256))
                    case 1: input[next(input.count)] ^= UInt8(1 << next(8))
                    case 2 where input.count > 1: input.remove(at: next(input.count))
                    default: input.insert(UInt8(next(256)), at: next(input.count))
                    }
                }
                let problem = FuzzTarget.passkeys.violation(by: input)
                #expect(problem == nil, "\(file.lastPathComponent): \(input)")
            }
        }
    }
}
