package import HTTP
package import Primitives

/// A refusal in the words of RFC 6749 §5.2 and its companions. Raw values are wire format: added, never renamed.
package struct OAuthError: Error, Sendable {
    package enum Code: String, Sendable {
        case invalidRequest = "invalid_request"
        case invalidClient = "invalid_client"
        case invalidGrant = "invalid_grant"
        case unauthorizedClient = "unauthorized_client"
        case unsupportedGrantType = "unsupported_grant_type"
        case unsupportedResponseType = "unsupported_response_type"
        case requestNotSupported = "request_not_supported"
        case invalidScope = "invalid_scope"
        case invalidTarget = "invalid_target"  // RFC 8707 §2
        case invalidDPoPProof = "invalid_dpop_proof"  // RFC 9449 §5
        case authorizationPending = "authorization_pending"  // RFC 8628 §3.5
        case slowDown = "slow_down"
        case expiredToken = "expired_token"
        case accessDenied = "access_denied"
        case loginRequired = "login_required"
        case consentRequired = "consent_required"
        case unmetAuthenticationRequirements = "unmet_authentication_requirements"  // RFC 9470 §5
        case invalidRedirectURI = "invalid_redirect_uri"  // RFC 7591 §3.2.2
        case invalidClientMetadata = "invalid_client_metadata"
        case invalidToken = "invalid_token"  // RFC 6750 §3.1
        case invalidSoftwareStatement = "invalid_software_statement"
        case temporarilyUnavailable = "temporarily_unavailable"
        case serverError = "server_error"
    }

    package let code: Code
    /// Shown to the client; a fixed text that never says which of client, code or verifier was wrong (COM-7).
    package let description: String
    /// For the log and the audit trail only: the rule that refused.
    package let rule: String
    /// What to record beside the refusal.
    package let events: [Event]

    package init(_ code: Code, _ description: String, rule: String, events: [Event] = []) {
        self.code = code
        self.description = description
        self.rule = rule
        self.events = events
    }

    /// The store could not answer (COM-11).
    static let unavailable = OAuthError(.temporarilyUnavailable, "Try again in a few seconds.", rule: "COM-11")
}

extension OAuthError {
    /// The answer of a JSON endpoint (TOK-0): the one place an OAuth error becomes bytes.
    package func response(offeringBasic: Bool = false) -> Response {
        let body: JSONValue = ["error": .string(code.rawValue), "error_description": .string(description)]
        var response = Response.json(body, status: status).uncached
        if offeringBasic { response.fields.append(.wwwAuthenticate, "Basic realm=\"gatehouse\"") }
        if status == .serviceUnavailable { response.fields.append(.retryAfter, "5") }
        response.events = events
        return response
    }

    private var status: Status {
        switch code {
        case .invalidClient, .invalidToken: .unauthorized
        case .temporarilyUnavailable: .serviceUnavailable
        case .serverError: .internalServerError
        default: .badRequest
        }
    }
}

extension StoreError {
    /// Fail closed: whatever the store could not do, the client may try again (COM-11).
    var refusal: OAuthError { .unavailable }
}
