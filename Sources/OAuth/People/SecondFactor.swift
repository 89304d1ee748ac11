internal import Crypto
package import Primitives

/// The second factor of a user: an authenticator app, passkeys, and the recovery codes for the day both are lost (MFA-1, MFA-2).
package struct SecondFactor: Sendable {
    /// Nil where browsers make no passkeys.
    package let passkeys: Passkeys?
    private let store: any FactorStore
    private let secrets: any FactorSecrets
    private let throttle: any LoginThrottle
    private let hasher: TokenHasher

    static let recoveryCodeCount = 10
    /// A secret that was shown and never confirmed is worth nothing after this.
    static let enrolmentLifetime = Duration.seconds(900)

    package init(
        store: any FactorStore, secrets: any FactorSecrets, throttle: any LoginThrottle, hasher: TokenHasher,
        passkeys: Passkeys? = nil
    ) {
        self.passkeys = passkeys
        self.store = store
        self.secrets = secrets
        self.throttle = throttle
        self.hasher = hasher
    }

    package enum Outcome: Sendable, Hashable {
        case right, recoveryCodeUsed, wrong
        case throttled(Duration)
    }

    /// What a user has set up.
    package struct Kinds: Sendable, Hashable {
        package let hasApp: Bool
        package let hasPasskeys: Bool

        /// Whether signing in asks for one of them.
        package var isRequired: Bool { hasApp || hasPasskeys }
    }

    package func kinds(of user: User) async throws(StoreError) -> Kinds {
        Kinds(
            hasApp: try await store.oneTimePassword(of: user.id)?.isConfirmed ?? false,
            hasPasskeys: try await passkeys?.list(of: user).isEmpty == false)
    }

    /// Nil when the user has no second factor; else how many recovery codes are left.
    package func recoveryCodesLeft(of user: User) async throws(StoreError) -> Int? {
        try await kinds(of: user).isRequired ? try await store.recoveryCodesLeft(of: user.id) : nil
    }

    /// Judges a typed code: of the app, or a recovery code. Each counts once; five wrong ones make the next wait, from
    /// wherever they came.
    package func verify(_ typed: String, of user: User, at now: Timestamp) async throws -> Outcome {
        let attempt = LoginAttempt(account: "otp\u{0}" + user.name, address: nil)
        if let wait = throttle.delay(attempt) { return .throttled(wait) }
        if let code = RecoveryCode.normalized(typed),
            try await store.useRecoveryCode(digest(code), of: user.id, at: now)
        {
            await throttle.succeeded(attempt)
            return .recoveryCodeUsed
        }
        if let secret = try await secrets.secret(of: user.id), let step = TimeBasedCode(secret: secret).step(of: typed, at: now),
            try await store.accept(step: step, of: user.id)
        {
            await throttle.succeeded(attempt)
            return .right
        }
        _ = await throttle.failed(attempt)
        return .wrong
    }

    /// Begins an enrolment: nothing is asked at sign-in until `confirm`.
    package func begin(for user: User, at now: Timestamp) async throws -> Secret {
        let secret = TimeBasedCode.freshSecret()
        try await secrets.store(secret, of: user.id, at: now)
        try await store.beginOneTimePassword(of: user.id, at: now)
        return secret
    }

    /// The secret of an enrolment that is not confirmed yet; nil when there is none, or it was left for too long: then it is gone.
    package func pendingSecret(of user: User, at now: Timestamp) async throws -> Secret? {
        guard let began = try await store.enrolmentBegan(of: user.id) else { return nil }
        guard now - began <= Self.enrolmentLifetime else {
            _ = try await remove(of: user)
            return nil
        }
        return try await secrets.secret(of: user.id)
    }

    /// Whether a code belongs to the enrolment that waits for one.
    package func isPendingCode(_ typed: String, of user: User, at now: Timestamp) async throws -> Bool {
        guard let secret = try await pendingSecret(of: user, at: now) else { return false }
        return TimeBasedCode(secret: secret).step(of: typed, at: now) != nil
    }

    /// Ends an enrolment with a code of the app. Returns the recovery codes, shown once; nil when the code was not right.
    package func confirm(_ typed: String, of user: User, at now: Timestamp) async throws -> [String]? {
        guard let secret = try await pendingSecret(of: user, at: now),
            let step = TimeBasedCode(secret: secret).step(of: typed, at: now)
        else {
            return nil
        }
        let codes = (0..<Self.recoveryCodeCount).map { _ in RecoveryCode.fresh() }
        let isConfirmed = try await store.confirmOneTimePassword(
            of: user.id, step: step, recoveryCodes: codes.map(digest), at: now)
        return isConfirmed ? codes : nil
    }

    /// False when the user had none.
    package func remove(of user: User) async throws -> Bool {
        let wasThere = try await store.removeOneTimePassword(of: user.id)
        try await secrets.remove(of: user.id)
        return wasThere
    }

    private func digest(_ code: String) -> TokenDigest { RecoveryCode.digest(code, hasher) }
}

/// A recovery code: 80 bits in four groups of letters and digits that cannot be taken for each other.
enum RecoveryCode {
    /// 32 of them, five bits each; `i`, `l`, `o` and `1` are left out.
    private static let letters = Array("abcdefghjkmnpqrstuvwxyz023456789".utf8)

    static func digest(_ code: String, _ hasher: TokenHasher) -> TokenDigest { hasher.digest(of: "recovery code " + code) }

    static func fresh() -> String {
        let text = Random.bytes(16).map { letters[Int($0 & 31)] }
        return stride(from: 0, to: 16, by: 4).map { String(decoding: text[$0..<($0 + 4)], as: UTF8.self) }.joined(separator: "-")
    }

    /// As typed, brought to one form; nil when it cannot be one.
    static func normalized(_ text: String) -> String? {
        let typed = Array(text.lowercased().utf8.filter { $0 != UInt8(ascii: "-") && $0 != UInt8(ascii: " ") })
        guard typed.count == 16, typed.allSatisfy(letters.contains) else { return nil }
        return stride(from: 0, to: 16, by: 4).map { String(decoding: typed[$0..<($0 + 4)], as: UTF8.self) }.joined(separator: "-")
    }
}
