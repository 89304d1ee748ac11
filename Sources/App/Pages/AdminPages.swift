import HTTP
import OAuth
import Primitives

/// What every page under `/admin` needs.
struct AdminPage {
    let token: String
    let username: String
    let message: AccountPage.Message?
}

/// `/admin` and its lists (oauth.md §13): plain HTML, one column, made for a phone first.
extension Pages {
    private func admin(_ page: AdminPage, _ title: String, current path: String, _ content: Markup) -> Response {
        let links: [(String, String)] = [
            ("/admin", "Overview"), ("/admin/users", "Users"), ("/admin/clients", "Clients"), ("/admin/sessions", "Sessions"),
        ]
        return frame.respond(
            frame.render(
                title: title,
                """
                <nav class="tabs" aria-label="Administration">\(links.map { link -> Markup in link.0 == path ? "<a href=\"\(link.0)\" aria-current=\"page\">\(link.1)</a> " : "<a href=\"\(link.0)\">\(link.1)</a> " })</nav>
                <h1>\(title)</h1>
                \(page.message.map(message))
                \(content)
                <p class="small">Signed in as <strong>\(page.username)</strong>. <a href="/account">Your account</a></p>
                """))
    }

    private func list(_ rows: [Markup], empty: String) -> Markup {
        rows.isEmpty ? "<p class=\"small\">\(empty)</p>" : "<ul class=\"rows\">\n\(rows)</ul>"
    }

    private func more(_ shown: Int, of count: Int, _ command: String) -> Markup? {
        shown < count ? "<p class=\"small\">\(String(shown)) of \(String(count)). All of them: <code>\(command)</code></p>" : nil
    }

    /// Hidden fields and one button.
    private func button(
        _ page: AdminPage, to path: String, _ action: String, _ verb: String, about name: String, _ fields: [(String, String)]
    ) -> Markup {
        """
        <form method="post" action="\(path)">\(hidden([("token", page.token)] + fields))<button type="submit" name="action" value="\(action)" aria-label="\(verb) \(name)">\(verb)</button></form>
        """
    }

    func adminOverview(_ page: AdminPage, requests: [ClientRequest], events: [SecurityLog.Entry]?) -> Response {
        let waiting = requests.map { request -> Markup in
            """
            <li class="two"><div><strong>\(request.client.name)</strong><br><span class="small">\(request.username) wants \(request.scopes.description) at \(request.redirectHost), since \(request.askedAt.day). It registered \(registered(request.client.kind)).</span></div>
            \(button(page, to: "/admin", "approve-client", "Approve", about: request.client.name, [("id", request.client.id.text)]))\(button(page, to: "/admin", "ask-remove-client", "Remove", about: request.client.name, [("id", request.client.id.text)]))</li>

            """
        }
        let news = (events ?? []).map { entry -> Markup in
            """
            <li><div><strong\(entry.isGrave ? Markup(" class=\"grave\"") : nil)>\(entry.event)</strong> \(entry.outcome)\(entry.count > 1 ? " × \(entry.count)" : "")<br><span class="small">\(entry.time) \(entry.subject)</span></div></li>

            """
        }
        return admin(
            page, "Administration", current: "/admin",
            """
            <section>
            <h2>Waiting for approval</h2>
            \(list(waiting, empty: "Nobody waits."))
            </section>
            <section>
            <h2>Security events</h2>
            \(list(news, empty: events == nil ? "The audit log cannot be read." : "None yet."))
            </section>
            """)
    }

    func adminUsers(_ page: AdminPage, users: [User], count: Int) -> Response {
        let rows = users.map { user -> Markup in
            """
            <li><div><strong>\(user.name)</strong><br><span class="small">\(user.role.rawValue)\(user.isDisabled ? ", disabled" : ""), since \(user.createdAt.day)</span></div>
            <a class="button" href="/admin/users?name=\(PercentEncoding.encode(user.name))" aria-label="Open \(user.name)">Open</a></li>

            """
        }
        return admin(
            page, "Users", current: "/admin/users",
            """
            \(list(rows, empty: "None."))
            \(more(users.count, of: count, "gatehouse user list"))
            <section>
            <h2>Invite somebody</h2>
            <form method="post" action="/admin/users" autocomplete="off">
            <input type="hidden" name="token" value="\(page.token)">
            <label for="name">User name</label>
            <input id="name" name="name" autocomplete="off" autocapitalize="none" spellcheck="false" maxlength="64" required>
            \(roleChoice(.viewer))
            <button class="primary" type="submit" name="action" value="invite">Make an invitation</button>
            </form>
            </section>
            """)
    }

    private func roleChoice(_ current: Role) -> Markup {
        """
        <label for="role">Role</label>
        <select id="role" name="role">\(Role.allCases.map { role -> Markup in role == current ? "<option value=\"\(role.rawValue)\" selected>\(meaning(of: role))</option>" : "<option value=\"\(role.rawValue)\">\(meaning(of: role))</option>" })</select>
        """
    }

    private func meaning(of role: Role) -> String {
        switch role {
        case .viewer: "viewer: sees everything, starts nothing"
        case .operator: "operator: starts and stops tasks"
        case .admin: "admin: everything, and this page"
        }
    }

    func adminUser(_ page: AdminPage, user: User, kinds: SecondFactor.Kinds, grants: Int, sessions: [SessionSummary]) -> Response {
        let factors =
            switch (kinds.hasPasskeys, kinds.hasApp) {
            case (true, true): "a passkey and an authenticator app"
            case (true, false): "a passkey"
            case (false, true): "an authenticator app"
            case (false, false): "none"
            }
        let (action, verb) = user.isDisabled ? ("enable-user", "Enable") : ("disable-user", "Disable")
        return admin(
            page, user.name, current: "",
            """
            <dl>
            <dt>Role</dt><dd>\(user.role.rawValue)</dd>
            <dt>State</dt><dd>\(user.isDisabled ? "disabled" : "active")</dd>
            <dt>Second factor</dt><dd>\(factors)</dd>
            <dt>Applications</dt><dd>\(String(grants))</dd>
            <dt>Since</dt><dd>\(user.createdAt.day)</dd>
            </dl>
            <form method="post" action="/admin/users">
            \(hidden([("token", page.token), ("name", user.name)]))\(roleChoice(user.role))
            <div class="actions">
            <button type="submit" name="action" value="set-role">Set the role</button>
            <button type="submit" name="action" value="\(action)">\(verb)</button>
            </div>
            </form>
            <section>
            <h2>Browsers signed in</h2>
            \(list(sessions.prefix(20).map { row($0, page, to: "/admin/users", [("name", user.name)]) }, empty: "None."))
            </section>
            <p class="small">Lost phone: <code>gatehouse user otp reset \(user.name)</code></p>
            """)
    }

    private func row(_ session: SessionSummary, _ page: AdminPage, to path: String, _ fields: [(String, String)]) -> Markup {
        let how = session.session.methods.auditText
        return """
            <li><div><strong>\(session.username)</strong><br><span class="small">\(BrowserName.of(session.session.userAgent)) from \(session.session.address), since \(session.session.authenticatedAt.day)\(how.isEmpty ? "" : ", by \(how)")</span></div>
            \(button(page, to: path, "end-session", "End", about: "the session of \(session.username)", [("id", session.id)] + fields))</li>

            """
    }

    func adminSessions(_ page: AdminPage, sessions: [SessionSummary], count: Int) -> Response {
        admin(
            page, "Sessions", current: "/admin/sessions",
            """
            \(list(sessions.map { row($0, page, to: "/admin/sessions", []) }, empty: "None."))
            \(more(sessions.count, of: count, "gatehouse session list"))
            """)
    }

    func adminClients(_ page: AdminPage, clients: [Client], count: Int) -> Response {
        let rows = clients.map { client -> Markup in
            let hosts = Set(client.redirectURIs.map(RedirectURI.displayHost)).sorted().joined(separator: ", ")
            let use = client.lastUsedAt.map { "last used \($0.day)" } ?? "never used"
            let approve =
                client.approvedAt == nil
                ? button(page, to: "/admin/clients", "approve-client", "Approve", about: client.name, [("id", client.id.text)])
                : nil
            return """
                <li class="two"><div><strong>\(client.name)</strong><br><span class="small">registered \(registered(client.kind)), \(client.approvedAt == nil ? "" : "approved, ")\(use)\(hosts.isEmpty ? "" : ", answers go to \(hosts)")</span></div>
                \(approve)\(button(page, to: "/admin/clients", "ask-remove-client", "Remove", about: client.name, [("id", client.id.text)]))</li>

                """
        }
        return admin(
            page, "Clients", current: "/admin/clients",
            """
            \(list(rows, empty: "None. Most register themselves when they connect."))
            \(more(clients.count, of: count, "gatehouse client list"))
            """)
    }

    private func registered(_ kind: Client.Kind) -> String {
        switch kind {
        case .preregistered: "by hand"
        case .dynamic: "by itself"
        case .metadata: "by its document"
        }
    }

    /// The one time an invitation is shown.
    func adminInvited(name: String, role: Role, link: String) -> Response {
        frame.respond(
            frame.render(
                title: "Invitation",
                """
                <h1>Invitation</h1>
                <p><strong>\(name)</strong> is a user with the role \(role.rawValue). Send them this link; it works once, within 24 hours, and is not shown again.</p>
                <p><code class="copy">\(link)</code></p>
                <p><a class="button primary" href="/admin/users">Done</a></p>
                """))
    }

    func adminConfirm(title: String, text: String, button: String, path: String, fields: [(String, String)]) -> Response {
        frame.respond(
            frame.render(
                title: title,
                """
                <h1>\(title)</h1>
                <p>\(text)</p>
                <form method="post" action="\(path)">
                \(hidden(fields))<div class="actions">
                <button class="primary" type="submit">\(button)</button>
                <a class="button" href="\(path)">Cancel</a>
                </div>
                </form>
                """))
    }
}
