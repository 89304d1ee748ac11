internal import HTTP
internal import Primitives

/// The success answer of RFC 6749 §5.1 (TOK-7).
struct TokenAnswer {
    let access: Secret
    let refresh: Secret?
    let lifetime: Duration
    let scopes: ScopeSet
    var confirmation: Confirmation?

    private var isProofBound: Bool { if case .key = confirmation { true } else { false } }

    var response: Response {
        var object = JSONObject([
            ("access_token", .string(access.exposeText())), ("token_type", isProofBound ? "DPoP" : "Bearer"),
            ("expires_in", .int(lifetime.milliseconds / 1000)),
        ])
        if let refresh { object["refresh_token"] = .string(refresh.exposeText()) }
        object["scope"] = .string(scopes.description)
        return Response.json(.object(object)).uncached
    }
}

extension OAuthError {
    /// One answer for every reason a grant is no good (CODE-1 to CODE-4, RT-1).
    static func invalidGrant(_ rule: String, events: [Event] = []) -> OAuthError {
        OAuthError(.invalidGrant, "The code or token is not valid, was used before, or has expired.", rule: rule, events: events)
    }
}
