package import Primitives

/// Who must have proven what (MFA-3).
extension OAuthSettings {
    /// What a user's sign-in must prove before a client gets a token: what the role asks, what the scopes ask, what the client asked.
    func assurance(for user: User, _ ask: AuthorizationRequest) -> Assurance {
        max(assurance(for: user, scopes: ask.scopes.bounded(by: user.role)), ask.assurance ?? .single)
    }

    /// The same without a client's word on it.
    func assurance(for user: User, scopes: ScopeSet) -> Assurance {
        let rules = stepUps.filter { scopes.covers($0.key) }.map(\.value.assurance)
        return rules.reduce(roleAssurance[user.role] ?? .single, max)
    }

    /// What a call of that class needs of the sign-in behind its token; nil when nothing. A rule on a class holds for the classes
    /// above it too.
    package func stepUp(engine: String, _ permission: Permission) -> StepUp? {
        guard !stepUps.isEmpty else { return nil }
        return stepUps.filter { $0.key.engine == engine && $0.key.permission <= permission }.map(\.value)
            .reduce(nil) { $0?.combined($1) ?? $1 }
    }
}
