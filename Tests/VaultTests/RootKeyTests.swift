import Foundation
import Primitives
import Testing

@testable import Vault

@Suite final class RootKeyTests {
    private let directory = NSTemporaryDirectory() + "vault-" + UUID().uuidString
    private var path: String { directory + "/root.key" }

    init() throws { try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true) }
    deinit { try? FileManager.default.removeItem(atPath: directory) }

    private func write(_ content: [UInt8], mode: Int = 0o400) throws {
        try Data(content).write(to: URL(fileURLWithPath: path))
        try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: path)
    }

    private func code() -> VaultError.Code? {
        do throws(VaultError) {
            _ = try RootKey.load(path)
            return nil
        } catch { return error.code }
    }

    private static let good = (0..<32).map { UInt8(truncatingIfNeeded: $0 &* $0 &* 37 &+ $0 &* 11 &+ 90) }

    @Test func `a key made is a key loaded, in a file its owner alone can read`() throws {
        let made = try RootKey.create(at: path)
        let loaded = try RootKey.load(path)
        #expect(made.id == loaded.id && made.id.count == 16)
        #expect(made.derive(purpose: "a").exposeText() == loaded.derive(purpose: "a").exposeText())
        #expect(try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int == 0o400)
    }

    @Test func `a file that exists is never overwritten`() throws {
        _ = try RootKey.create(at: path)
        let before = try Data(contentsOf: URL(fileURLWithPath: path))
        let error = #expect(throws: VaultError.self) { try RootKey.create(at: path) }
        #expect(error?.code == .exists)
        #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == before)
    }

    @Test(arguments: [Array(good), Array(Hex.encode(good).utf8), Array((Base64.encode(good) + "\n").utf8)])
    func `raw bytes, hexadecimal and base64 are read`(_ content: [UInt8]) throws {
        try write(content)
        #expect(try RootKey.load(path).id == RootKey(Self.good).id)
    }

    @Test func `purposes give unrelated keys (KEY-1)`() throws {
        let key = try RootKey.random()
        #expect(key.derive(purpose: "a").expose { $0 } != key.derive(purpose: "b").expose { $0 })
        #expect(key.derive(purpose: "a").count == 32)
    }

    @Test(arguments: [0o440, 0o404, 0o644, 0o600 | 0o020, 0o401])
    func `a file others may access is refused`(_ mode: Int) throws {
        try write(Self.good, mode: mode)
        #expect(code() == .exposed)
    }

    @Test func `a missing file and a folder are refused`() throws {
        #expect(code() == .missing)
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        #expect(code() == .exposed)
    }

    @Test(
        arguments: [
            [], [UInt8](repeating: 0, count: 32), [UInt8](repeating: 0xA5, count: 32), Array(0..<32),
            Array("changeme-changeme-changeme-chang".utf8), Array(good.prefix(31)), Array(good.prefix(16) + good.prefix(16)),
            Array(Hex.encode([UInt8](repeating: 7, count: 32)).utf8), Array("not a key\n".utf8), [UInt8](repeating: 9, count: 5000),
        ] as [[UInt8]])
    func `short keys and placeholders are refused`(_ content: [UInt8]) throws {
        try write(content)
        #expect(code() == .weak)
    }

    @Test func `a key is not printed`() throws {
        let key = try RootKey(Self.good)
        var text = ""
        dump(key, to: &text)
        #expect(!text.contains("90") || !text.contains("UInt8"))
        #expect("\(key.derive(purpose: "a"))" == "<secret>")
    }
}
