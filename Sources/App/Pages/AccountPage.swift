import HTTP
import OAuth
import Primitives

/// What `/account` shows.
struct AccountPage {
    struct Key {
        let engine: String
        let title: String
        /// "present", "missing" or "rejected".
        let state: String
    }

    /// A word on what was just done, or why not.
    enum Message {
        case done(String), problem(String)
    }

    let user: User
    let keys: [Key]
    let grants: [GrantSummary]
    let sessions: [SessionSummary]
    let tokens: [TokenSummary]
    /// Nil where browsers make none.
    let passkeys: [Passkey]?
    let hasApp: Bool
    /// Nil without a second factor.
    let recoveryCodesLeft: Int?
    let token: String
    let message: Message?
}

extension Pages {
    /// `/account` for a signed-in user.
    func account(_ page: AccountPage) -> Response {
        frame.respond(
            frame.render(
                title: "Your account",
                """
                <h1>Your account</h1>
                <p>Signed in as <strong>\(page.user.name)</strong>, role \(page.user.role.rawValue).</p>
                \(page.user.role == .admin ? administrationLink : nil)\(page.message.map(message))
                \(page.keys.map { keyForm($0, page.token) })
                \(section("Applications", page.grants.map { row($0, page.token) }, empty: "No application has access."))
                \(section("Browsers signed in", page.sessions.map { row($0, page.token) }, empty: "None."))
                \(section("Personal tokens", page.tokens.map { row($0, page.token) }, empty: "None. An administrator can issue one."))
                \(passkeySection(page))\(factorForm(page))
                \(passwordForm(page))
                <form method="post" action="/account">
                <input type="hidden" name="token" value="\(page.token)">
                <button type="submit" name="action" value="sign-out">Sign out</button>
                </form>
                """))
    }

    private var administrationLink: Markup { "<p><a href=\"/admin\">Administration</a></p>\n" }

    func message(_ message: AccountPage.Message) -> Markup {
        switch message {
        case .done(let text): "<p class=\"done\" role=\"status\">\(text)</p>"
        case .problem(let text): notice(text)
        }
    }

    private func section(_ title: String, _ rows: [Markup], empty: String) -> Markup {
        """
        <section>
        <h2>\(title)</h2>
        \(rows.isEmpty ? Markup("<p class=\"small\">\(empty)</p>") : Markup("<ul class=\"rows\">\n\(rows)</ul>"))
        </section>

        """
    }

    /// One thing with its button.
    func row(_ title: String, _ details: String, _ action: String, _ verb: String, _ id: String, _ token: String) -> Markup {
        """
        <li><div><strong>\(title)</strong><br><span class="small">\(details)</span></div>
        <form method="post" action="/account"><input type="hidden" name="token" value="\(token)"><input type="hidden" name="id" value="\(id)">
        <button type="submit" name="action" value="\(action)" aria-label="\(verb) \(title)">\(verb)</button></form></li>

        """
    }

    private func row(_ grant: GrantSummary, _ token: String) -> Markup {
        let host = grant.grant.redirectURI.isEmpty ? "a device" : RedirectURI.displayHost(grant.grant.redirectURI)
        let use = grant.lastUsedAt.map { ", last used \($0.day)" + (grant.lastAddress.map { " from \($0)" } ?? "") } ?? ""
        return row(
            grant.clientName, "\(grant.grant.scopes.description) at \(host), since \(grant.grant.createdAt.day)\(use)",
            "revoke-grant", "Revoke", grant.grant.id.text, token)
    }

    private func row(_ session: SessionSummary, _ token: String) -> Markup {
        row(
            BrowserName.of(session.session.userAgent),
            "from \(session.session.address), since \(session.session.authenticatedAt.day)", "end-session", "End",
            session.id, token)
    }

    private func row(_ summary: TokenSummary, _ token: String) -> Markup {
        row(
            summary.name ?? summary.id,
            "\(summary.scopes.description), \(summary.expiresAt.map { "ends \($0.day)" } ?? "does not end")", "revoke-token",
            "Revoke", summary.id, token)
    }

    private func keyForm(_ key: AccountPage.Key, _ token: String) -> Markup {
        """
        <section>
        <h2>\(key.title) key</h2>
        <p>\(state(key.state))</p>
        <form method="post" action="/account" autocomplete="off">
        <input type="hidden" name="token" value="\(token)">
        <input type="hidden" name="engine" value="\(key.engine)">
        <label for="key-\(key.engine)">New key</label>
        <input id="key-\(key.engine)" name="key" type="password" autocomplete="off" maxlength="1024">
        <div class="actions">
        <button class="primary" type="submit" name="action" value="set-key">Save key</button>
        \(key.state == "missing" ? nil : removeButton)
        </div>
        </form>
        </section>

        """
    }

    private var removeButton: Markup { "<button type=\"submit\" name=\"action\" value=\"remove-key\">Remove key</button>" }

    private func state(_ state: String) -> String {
        switch state {
        case "present": "A key is stored. It is encrypted and never shown again."
        case "rejected": "The stored key was rejected. Enter a new one."
        default: "No key is stored yet, so tools of this service cannot run."
        }
    }
}

extension Timestamp {
    /// The date alone, as pages show it.
    var day: String { String(rfc3339.prefix(10)) }
}
