package import HTTP
package import Primitives

/// Signing in outside of an authorization: checks the password and opens a session.
package struct SignIn: Sendable {
    private let login: PasswordLogin
    private let sessions: BrowserSessions

    package init(users: any UserStore, checker: any PasswordChecker, throttle: any LoginThrottle, sessions: BrowserSessions) {
        login = PasswordLogin(users: users, checker: checker, throttle: throttle)
        self.sessions = sessions
    }

    package enum Outcome: Sendable {
        /// The `Set-Cookie` value of the new session.
        case success(cookie: String, Event)
        case refused(Event)
        case throttled(Duration, Event)
        case unavailable
    }

    package func attempt(
        username: String, password: Secret, _ request: Request, _ context: RequestContext, at now: Timestamp
    ) async -> Outcome {
        switch await login.attempt(username: username, password: password, from: context.peer, at: now) {
        case .refused(let event): return .refused(event)
        case .throttled(let delay, let event): return .throttled(delay, event)
        case .unavailable: return .unavailable
        case .success(let user):
            guard let cookie = try? await sessions.open(user, request, from: context.peer, at: now) else { return .unavailable }
            var event = Event("auth.login", subject: user.name)
            event.details = [("method", "password")]
            return .success(cookie: cookie, event)
        }
    }
}
