import Primitives
import Testing

@testable import App

@Suite struct PasswordRulesTests {
    private func accepts(_ password: String, _ username: String = "demo") -> Bool {
        do throws(CommandError) {
            try PasswordRules.check(Secret(password), username: username)
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
        "correcthorsebatterystaple",
    ])
    func `a short or common password is refused (PW-2)`(_ password: String) { #expect(!accepts(password)) }

    @Test func `a user name repeated is no password, whatever its case (PW-2)`() {
        #expect(!accepts("Administratoradministrator", "administrator"))
        #expect(!accepts("administratoradministrator", "Administrator"))
    }

    @Test func `a password has a bound in bytes (PW-2)`() {
        #expect(accepts(String(repeating: "abcd efgh ijkl ", count: 68)))
        #expect(!accepts(String(repeating: "abcd efgh ijkl ", count: 69)))
    }
}
