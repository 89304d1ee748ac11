import Crypto
import Foundation
import Primitives
import Testing

@testable import App

@Suite struct PasswordRulesTests {
    private func accepts(_ password: String, _ username: String = "demo", _ rules: PasswordRules = PasswordRules()) -> Bool {
        do throws(CommandError) {
            try rules.check(Secret(password), username: username)
            return true
        } catch {
            #expect(error.code == .usage)
            return false
        }
    }

    @Test(arguments: [
        "correct horse battery", "ünïcödé sentences too", "fifteen chars!!", String(repeating: "long and fine ", count: 30),
        "1029384756 are digits", "漢字でも大丈夫です、十五文字以上なら",
    ])
    func `a long password without composition rules is fine (PW-2)`(_ password: String) { #expect(accepts(password)) }

    @Test(arguments: [
        "", "short", "fourteen chars", "aaaaaaaaaaaaaaaaaaaa", "abababababababababab", "PasswordPassword", "123456789012345",
        "correcthorsebatterystaple", "zyxwvutsrqponmlkj", "abcdefghijklmnopq",
    ])
    func `a short or common password is refused (PW-2)`(_ password: String) { #expect(!accepts(password)) }

    @Test func `a user name repeated is no password, whatever its case (PW-2)`() {
        #expect(!accepts("Administratoradministrator", "administrator"))
        #expect(!accepts("administratoradministrator", "Administrator"))
    }

    @Test func `words of the place count for nothing (PW-2)`() {
        let rules = PasswordRules(context: ["gatehouse", "password", "example", "qarnot"])
        for password in ["Gatehouse-Password-1", "example.qarnot.gatehouse", "demo@gatehouse.example"] {
            #expect(!accepts(password, "demo", rules), "\(password)")
        }
        #expect(accepts("a gatehouse at the canal", "demo", rules))
    }

    @Test func `how a keyboard composed its letters makes no difference (PW-2)`() throws {
        let hasher = PasswordHasher(
            Argon2id(memoryKiB: 19_456, passes: 2, lanes: 1),
            pepper: PasswordHasher.Pepper(name: "1", key: Secret([UInt8](repeating: 3, count: 32))))
        let (composed, apart) = (Secret("\u{e9}t\u{e9} \u{1E9B}\u{323}"), Secret("e\u{301}te\u{301} \u{17F}\u{323}\u{307}"))
        #expect(composed.expose { a in apart.expose { a != $0 } })
        #expect(try hasher.verify(apart, against: hasher.hash(composed)))
        #expect(!(try hasher.verify(Secret("ete"), against: hasher.hash(composed))))
        let words = String(repeating: "e\u{301}", count: 14)
        #expect(!accepts(words), "fourteen letters, however many scalars")
    }

    @Test func `a list of stolen passwords is searched to its first and last line (PW-2)`() throws {
        let stolen = (0..<400).map { "stolen sentence number \($0)" }
        let lines = stolen.map { Hex.encode(SHA1.digest(Array($0.utf8))).uppercased() }.sorted().enumerated().map {
            "\($1):\($0 * $0 * 7)"
        }
        for ending in ["\r\n", "\n"] {
            let path = NSTemporaryDirectory() + "breaches-" + UUID().uuidString
            defer { try? FileManager.default.removeItem(atPath: path) }
            try (lines.joined(separator: ending) + (ending == "\n" ? "" : ending)).write(
                toFile: path, atomically: true, encoding: .utf8)
            let list = BreachList(path: path)
            for password in stolen { #expect(try list.contains(Secret(password)), "\(password)") }
            for index in 0..<400 { #expect(try !list.contains(Secret("a sentence of one's own \(index)"))) }
            #expect(!accepts(stolen[7], "demo", PasswordRules(breaches: list)))
        }
    }

    @Test(arguments: ["", "no digests here, and a line that is far longer than any digest could be\n"])
    func `a list that cannot be used lets no password through (PW-2)`(_ content: String) throws {
        let path = NSTemporaryDirectory() + "breaches-" + UUID().uuidString
        defer { try? FileManager.default.removeItem(atPath: path) }
        try content.write(toFile: path, atomically: true, encoding: .utf8)
        for list in [BreachList(path: path), BreachList(path: path + "-missing")] {
            #expect(throws: Files.Problem.self) {
                try PasswordRules(breaches: list).fault(of: Secret("a sentence of one's own"), username: "demo")
            }
        }
    }

    @Test func `a password has a bound in bytes (PW-2)`() {
        #expect(accepts(String(repeating: "abcd efgh ijkl ", count: 68)))
        #expect(!accepts(String(repeating: "abcd efgh ijkl ", count: 69)))
    }
}
