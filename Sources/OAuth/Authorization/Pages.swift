package import HTTP
package import Primitives

/// The pages of the authorization flow. `App` renders them; every answer it gives carries the headers of WEB-1 and AZ-18.
package protocol FlowPages: Sendable {
    func login(_ page: LoginPage) -> Response
    /// Asks for the second factor, after the first.
    func secondFactor(_ page: SecondFactorPage) -> Response
    func consent(_ page: ConsentPage) -> Response
    /// An administrator has to approve the client first (CON-4).
    func waiting(_ page: WaitingPage) -> Response
    /// A refusal that never redirects (AZ-1 to AZ-4).
    func refusal(_ page: RefusalPage) -> Response
    /// Sends the browser on by a plain GET, with a link for those who switched that off (AZ-17).
    func handOff(to url: String, host: String) -> Response
    /// Names the host an error is told to. An unknown client hears of it by the person's own click only (AZ-13);
    /// `isAutomatic` sends the browser on by itself, for trusted clients after a form (AZ-17).
    func errorHandOff(to url: String, host: String, isAutomatic: Bool) -> Response
}

package struct LoginPage: Sendable {
    /// Providers to sign in with instead, by name and title.
    package var providers: [(name: String, title: String)] = []
    package let transactionID: String
    /// Synchroniser token of the form (WEB-4).
    package let token: String
    package let clientName: String
    package let username: String
    /// A fixed notice after a failed attempt.
    package let notice: String?
    package let status: Status
    /// Offers to sign in with a passkey instead; nil where browsers make none.
    package var passkey: PasskeyPrompt?
}

package struct SecondFactorPage: Sendable {
    /// Empty outside of an authorization.
    package let transactionID: String
    package let token: String
    /// Hidden fields that come back with the code.
    package let account: String
    package let passed: String
    /// Kept across a sign-in that leads to a device; nil otherwise.
    package let device: String?
    package let notice: String?
    package let status: Status
    /// False when the only codes the user has are recovery codes.
    package var hasApp = true
    /// Offers the user's passkeys; nil without any.
    package var passkey: PasskeyPrompt?
}

package struct ConsentPage: Sendable {
    package let transactionID: String
    package let token: String
    package let clientName: String
    package let clientKind: Client.Kind
    /// The host of the client's id, when its document describes it (CIMD-7).
    package let clientHost: String?
    package let redirectHost: String
    package let isLoopbackOnly: Bool
    package let isNew: Bool
    package let username: String
    package let resourceTitle: String
    package let resourceURL: String
    package let scopes: ScopeSet
    package let role: Role
    package let expiresIn: Duration
    package let notice: String?
    /// Since when the client is known here.
    package var knownSince: Timestamp?
    /// Its hosts are not among those an administrator vouches for, though there are such (CIMD-9).
    package var isFromElsewhere = false
}

package struct WaitingPage: Sendable {
    package let transactionID: String
    package let clientName: String
    package let redirectHost: String

    package init(transactionID: String, clientName: String, redirectHost: String) {
        self.transactionID = transactionID
        self.clientName = clientName
        self.redirectHost = redirectHost
    }
}

package struct RefusalPage: Sendable {
    package let title: String
    package let text: String
    package let requestID: RequestID
    package let status: Status

    package init(title: String, text: String, requestID: RequestID, status: Status = .badRequest) {
        self.title = title
        self.text = text
        self.requestID = requestID
        self.status = status
    }
}
