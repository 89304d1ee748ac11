internal import HTTP
package import Primitives

/// Checks passwords off the event loop, a bounded number at once (PW-1). `App` joins it to Argon2id on its own threads.
package protocol PasswordChecker: Sendable {
    /// True when the password matches. With a nil hash, spends the same time on a dummy and returns false (WEB-7).
    /// - Throws: `BlockingPool.Refusal` when too many wait; the caller answers 503.
    func matches(_ password: Secret, hash: String?) async throws -> Bool
    /// A new hash when the stored one was made with lesser parameters, else nil.
    func rehash(_ password: Secret, replacing hash: String) async throws -> String?
}

/// One attempt to prove something, as throttling sees it.
package struct LoginAttempt: Sendable, Hashable {
    package let account: String
    /// Nil where guesses count for the account alone: whoever gets this far knows the password or has a session, and must not
    /// multiply guesses by changing addresses.
    package let address: IPAddress?
    /// What a browser its owner signed in with before is known by (BF-1).
    package let device: String?

    package init(account: String, address: IPAddress?, device: String? = nil) {
        self.account = account
        self.address = address
        self.device = device
    }
}

/// Judges attempts to sign in before a password is looked at (BF-1).
package protocol LoginThrottle: Sendable {
    /// Nil when the attempt may go on; else how long to wait.
    func delay(_ attempt: LoginAttempt) -> Duration?
    /// Counts it, durably, before the attempt is answered. Returns the alarm it raises, if any.
    func failed(_ attempt: LoginAttempt) async -> Event?
    /// Clears what this browser and address counted; what others did stays.
    func succeeded(_ attempt: LoginAttempt) async
}

/// Signs users in by name and password.
struct PasswordLogin: Sendable {
    let users: any UserStore
    let checker: any PasswordChecker
    let throttle: any LoginThrottle
    let security: BrowserSecurity

    enum Outcome: Sendable {
        case success(User)
        /// One text for unknown user, wrong password and disabled account (WEB-7).
        case refused([Event])
        case throttled(Duration, Event)
        /// Too many hashes at once, or the store is down: 503.
        case unavailable
    }

    func attempt(
        username: String, password: Secret, _ request: Request, from address: IPAddress, at now: Timestamp
    ) async -> Outcome {
        let account = String(username.lowercased().prefix(64))
        let attempt = LoginAttempt(
            account: account, address: address, device: security.knownDevice(request, of: account, at: now))
        if let delay = throttle.delay(attempt) {
            return .throttled(delay, Event("auth.login.throttled", .denied, severity: .warning, reason: "BF-1"))
        }
        do {
            let user = try await users.user(named: account)
            var hash: String?
            if let user { hash = try await users.passwordHash(of: user.id) }
            let isRight = try await checker.matches(password, hash: hash)
            guard isRight, let user, let hash, !user.isDisabled else { return await refuse(attempt, known: user) }
            await throttle.succeeded(attempt)
            if let better = try await checker.rehash(password, replacing: hash) {
                try await users.setPasswordHash(better, of: user.id, endingSessions: false, at: now)
            }
            return .success(user)
        } catch { return .unavailable }
    }

    /// Asks a signed-in person for the password again; wrong answers count towards the same throttle.
    func confirm(_ password: Secret, hash: String?, of user: User, from address: IPAddress) async throws -> Bool {
        let attempt = LoginAttempt(account: user.name, address: address)
        guard throttle.delay(attempt) == nil else { return false }
        let isRight = try await checker.matches(password, hash: hash)
        if isRight { await throttle.succeeded(attempt) } else { _ = await throttle.failed(attempt) }
        return isRight
    }

    private func refuse(_ attempt: LoginAttempt, known user: User?) async -> Outcome {
        let alarm = await throttle.failed(attempt)
        // An unknown name may be a password typed into the wrong field; only names of users are written down.
        var event = Event("auth.login", .failure, severity: .warning, reason: "credentials", subject: user?.name)
        event.details = [("method", "password")]
        return .refused([event] + (alarm.map { [$0] } ?? []))
    }
}
