import Crypto
import HTTP
import OAuth
import Primitives

/// What a password must be (PW-2): long enough, not one everybody uses, not made of the words around it, in no list of breached
/// ones. Nothing is said about kinds of characters, and none expires.
struct PasswordRules: Sendable, Equatable {
    static let minimumLength = 15
    /// Words of the place: what an attacker tries first here.
    var context: [String] = []
    var breaches: BreachList?

    private static let common: Set<String> = [
        "123456789012345", "1234567890123456", "12345678901234567890", "111222333444555", "123123123123123", "987654321098765",
        "1q2w3e4r5t6y7u8i9o0p", "1qaz2wsx3edc4rfv", "1qaz2wsx3edc4rfv5tgb", "qwertyuiopasdfg", "qwertyuiopasdfghjkl",
        "qwertyuiop123456", "qwertyuiop1234567890", "qwerty1234567890", "asdfghjkl123456", "azertyuiopqsdfgh", "zxcvbnmasdfghjkl",
        "qwertzuiopasdfg", "abcdefghijklmnop", "abc123abc123abc", "abcd1234abcd1234", "a1b2c3d4e5f6g7h8", "passwordpassword",
        "password1234567", "password12345678", "password123456789", "passwort12345678", "motdepassemotdepasse",
        "administrator123", "administratoradministrator", "changemechangeme", "changeme12345678", "letmeinletmein1",
        "letmeinletmeinletmein", "iloveyouiloveyou", "iloveyou1234567", "welcomewelcome1", "welcome123456789", "sunshinesunshine",
        "footballfootball", "trustno1trustno1", "correcthorsebatterystaple", "correct horse battery staple",
        "thequickbrownfox", "the quick brown fox", "mypasswordismypassword", "thisismypassword", "ilovemymotherandfather",
        "secretsecretsecret", "supersecretpassword", "defaultpassword", "temporarypassword", "companypassword",
    ]

    func check(_ password: Secret, username: String) throws(CommandError) {
        let fault: String?
        do throws(Files.Problem) { fault = try self.fault(of: password, username: username) } catch {
            throw CommandError(.configuration, "The list at login.breach_list cannot be used: \(error).")
        }
        if let fault { throw CommandError(.usage, fault) }
    }

    /// Why a password is refused, in a sentence; nil when it is good. Reads a file where a breach list is configured.
    /// - Throws: when that list cannot be read: then no password is good.
    func fault(of password: Secret, username: String) throws(Files.Problem) -> String? {
        let normal = password.count <= Argon2id.maximumPassword ? PasswordHasher.normalized(password) : password
        guard normal.count <= Argon2id.maximumPassword else { return "A password has at most 1024 bytes." }
        let text = normal.exposeText()
        guard text.count >= Self.minimumLength else {
            return "A password needs at least \(Self.minimumLength) characters; a sentence is a good one."
        }
        guard !isEasy(text.lowercased(), username.lowercased()) else {
            return "This password is too easy to guess; choose another."
        }
        guard try breaches?.contains(normal) != true else {
            return "This password is in a list of stolen ones; choose another."
        }
        return nil
    }

    private func isEasy(_ password: String, _ username: String) -> Bool {
        if Self.common.contains(password) || Set(password).count <= 3 || Self.isSequence(password) { return true }
        var rest = password
        for word in [username] + context where !word.isEmpty { rest = rest.replacing(word, with: "") }
        return rest.count < Self.minimumLength / 2
    }

    /// Whether most characters follow the one before, up or down.
    private static func isSequence(_ text: String) -> Bool {
        let values = text.unicodeScalars.map { Int($0.value) }
        let steps = zip(values, values.dropFirst()).filter { abs($0 - $1) == 1 }.count
        return steps * 4 >= (values.count - 1) * 3
    }
}

extension Configuration {
    var passwordRules: PasswordRules {
        let host = URLReference(server.publicURL)?.host ?? ""
        let engines = oauthSettings.resources.map(\.engine)
        let words = Set(
            (["gatehouse", "password"] + host.split(separator: ".").map(String.init) + engines).map { $0.lowercased() })
        // The longest first: a shorter one inside must not leave its ends behind.
        return PasswordRules(
            context: words.filter { $0.count >= 4 }.sorted { ($1.count, $0) < ($0.count, $1) },
            breaches: login.breachList.map(BreachList.init))
    }
}
