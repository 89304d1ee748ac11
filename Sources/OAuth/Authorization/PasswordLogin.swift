package import Primitives

/// Checks passwords off the event loop, a bounded number at once (PW-1). `App` joins it to Argon2id on its own threads.
package protocol PasswordChecker: Sendable {
    /// True when the password matches. With a nil hash, spends the same time on a dummy and returns false (WEB-7).
    /// - Throws: `BlockingPool.Refusal` when too many wait; the caller answers 503.
    func matches(_ password: Secret, hash: String?) async throws -> Bool
    /// A new hash when the stored one was made with lesser parameters, else nil.
    func rehash(_ password: Secret, replacing hash: String) async throws -> String?
}

/// Judges attempts to sign in before a password is looked at (BF-1).
package protocol LoginThrottle: Sendable {
    /// Nil when the attempt may go on; else how long to wait.
    func delay(account: String, address: IPAddress) -> Duration?
    func failed(account: String, address: IPAddress)
    func succeeded(account: String, address: IPAddress)
}

extension IPAddress {
    /// Stands for every address, where guesses count for the account alone: whoever gets this far knows the password or has a
    /// session, and must not multiply guesses by changing addresses.
    static let any: IPAddress = {
        guard let address = IPAddress("0.0.0.0") else { preconditionFailure("0.0.0.0 is an address") }
        return address
    }()
}

/// Signs users in by name and password.
struct PasswordLogin: Sendable {
    let users: any UserStore
    let checker: any PasswordChecker
    let throttle: any LoginThrottle

    enum Outcome: Sendable {
        case success(User)
        /// One text for unknown user, wrong password and disabled account (WEB-7).
        case refused(Event)
        case throttled(Duration, Event)
        /// Too many hashes at once, or the store is down: 503.
        case unavailable
    }

    func attempt(username: String, password: Secret, from address: IPAddress, at now: Timestamp) async -> Outcome {
        let account = String(username.lowercased().prefix(64))
        if let delay = throttle.delay(account: account, address: address) {
            return .throttled(delay, Event("auth.login.throttled", .denied, severity: .warning, reason: "BF-1"))
        }
        do {
            let user = try await users.user(named: account)
            var hash: String?
            if let user { hash = try await users.passwordHash(of: user.id) }
            let isRight = try await checker.matches(password, hash: hash)
            guard isRight, let user, let hash, !user.isDisabled else { return refuse(account, address, known: user) }
            throttle.succeeded(account: account, address: address)
            if let better = try await checker.rehash(password, replacing: hash) {
                try await users.setPasswordHash(better, of: user.id, endingSessions: false, at: now)
            }
            return .success(user)
        } catch { return .unavailable }
    }

    /// Asks a signed-in person for the password again; wrong answers count towards the same throttle.
    func confirm(_ password: Secret, hash: String?, of user: User, from address: IPAddress) async throws -> Bool {
        guard throttle.delay(account: user.name, address: address) == nil else { return false }
        let isRight = try await checker.matches(password, hash: hash)
        if isRight {
            throttle.succeeded(account: user.name, address: address)
        } else {
            throttle.failed(account: user.name, address: address)
        }
        return isRight
    }

    private func refuse(_ account: String, _ address: IPAddress, known user: User?) -> Outcome {
        throttle.failed(account: account, address: address)
        // An unknown name may be a password typed into the wrong field; only names of users are written down.
        var event = Event("auth.login", .failure, severity: .warning, reason: "credentials", subject: user?.name)
        event.details = [("method", "password")]
        return .refused(event)
    }
}
