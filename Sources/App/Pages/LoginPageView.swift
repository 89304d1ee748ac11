import HTTP
import OAuth

extension Pages {
    func login(_ page: LoginPage) -> Response {
        respond(
            title: "Sign in", prompt: page.passkey, status: page.status,
            """
            <h1>Sign in</h1>
            <p>to let <strong>\(page.clientName)</strong> use your account.</p>
            \(page.notice.map { notice($0) })
            <form method="post" action="/login">
            <input type="hidden" name="transaction" value="\(page.transactionID)">
            <input type="hidden" name="token" value="\(page.token)">
            <label for="username">User name</label>
            <input id="username" name="username" value="\(page.username)" autocomplete="username" autocapitalize="none" spellcheck="false" maxlength="64" required\(page.username.isEmpty ? autofocus : nil)>
            <label for="password">Password</label>
            <input id="password" name="password" type="password" autocomplete="current-password" maxlength="1024" required\(page.username.isEmpty ? nil : autofocus)>
            <button class="primary" type="submit">Sign in</button>
            </form>
            \(page.passkey.map { passkeyForm($0, to: "/login", fields: [("transaction", page.transactionID), ("token", page.token)], "Sign in with a passkey") })\(providers(page.providers, transaction: page.transactionID))
            """)
    }

    /// Buttons of the OpenID providers; nil without any.
    func providers(_ providers: [(name: String, title: String)], transaction: String?) -> Markup? {
        guard !providers.isEmpty else { return nil }
        let query = transaction.map { "?transaction=" + $0 } ?? ""
        return Markup(
            joining: providers.map { provider in
                "<p class=\"provider\"><a class=\"button\" href=\"/login/\(provider.name)\(query)\">Sign in with \(provider.title)</a></p>\n"
            })
    }
}
