import HTTP
import OAuth
import Primitives

extension Pages {
    func consent(_ page: ConsentPage) -> Response {
        frame.respond(
            frame.render(
                title: "Allow access",
                """
                <h1>Allow <q>\(page.clientName)</q>?</h1>
                <p>It wants to use <strong>\(page.resourceTitle)</strong> as <strong>\(page.username)</strong>.</p>
                \(page.notice.map { notice($0) })
                \(warnings(page))
                <form method="post" action="/consent">
                <input type="hidden" name="transaction" value="\(page.transactionID)">
                <input type="hidden" name="token" value="\(page.token)">
                <fieldset>
                <legend>It may</legend>
                \(page.scopes.scopes.map(scopeRow))
                </fieldset>
                <dl>
                <dt>Answer goes to</dt><dd>\(page.redirectHost)</dd>
                \(page.clientHost.map { Markup("<dt>Application is at</dt><dd>\($0)</dd>") })
                <dt>Registered</dt><dd>\(kind(page.clientKind))\(page.knownSince.map { Markup(", known here since \(String($0.rfc3339.prefix(10)))") })</dd>
                \(tools(page))
                <dt>Ends after</dt><dd>\(String(page.expiresIn.components.seconds / 86_400)) days, or when you end it</dd>
                </dl>
                <div class="actions">
                <button class="primary" type="submit" name="decision" value="allow">Allow</button>
                <button type="submit" name="decision" value="deny">Deny</button>
                </div>
                </form>
                """))
    }

    /// Nothing to answer yet: an administrator comes first (CON-4). The link asks again, without a form.
    func waiting(_ page: WaitingPage) -> Response {
        frame.respond(
            frame.render(
                title: "Waiting for approval",
                """
                <h1>Waiting for approval</h1>
                <p>An administrator has to allow <q>\(page.clientName)</q> at <strong>\(page.redirectHost)</strong> before anybody here may use it.</p>
                <p>They see your request now. You need not keep this page open: once it is approved, connect again from your application.</p>
                <p><a class="button primary" href="/consent?transaction=\(page.transactionID)">Look again</a></p>
                """))
    }

    func scopeRow(_ scope: Scope) -> Markup {
        """
        <label class="check"><input type="checkbox" name="scope" value="\(scope.description)" checked>
        <span>\(meaning(of: scope.permission)) <code>\(scope.description)</code></span></label>

        """
    }

    /// CON-1: what the scopes reach, by name. Of servers behind this one the tools are theirs to name.
    private func tools(_ page: ConsentPage) -> Markup? {
        let reachable = (self.tools[page.resourceURL] ?? []).filter { tool in
            page.scopes.scopes.contains { $0.permission >= tool.permission }
        }
        guard !reachable.isEmpty else { return nil }
        let names = reachable.map(\.name).sorted().joined(separator: ", ")
        return """
            <dt>It can use</dt><dd><details><summary>\(String(reachable.count)) tools</summary><p class="small">\(names)</p></details></dd>
            """
    }

    /// In words a person can decide by (CON-1).
    private func meaning(of permission: Permission) -> String {
        switch permission {
        case .read: "See tasks, logs, results and profiles"
        case .execute: "Start and stop compute tasks, which costs money"
        case .admin: "Do everything, including deleting storage and secrets"
        }
    }

    private func kind(_ kind: Client.Kind) -> String {
        switch kind {
        case .preregistered: "by the administrator"
        case .dynamic: "by itself; its name is not verified"
        case .metadata: "by the document at its address"
        }
    }

    private func warnings(_ page: ConsentPage) -> Markup? {
        if page.isLoopbackOnly {
            return warning(
                "The answer goes to a program on this computer. Allow it only if you just started the connection there yourself.")
        }
        if page.isFromElsewhere {
            return warning(
                "No administrator here vouches for the place this application is from. Make sure you started this connection yourself."
            )
        }
        if page.isNew && page.clientKind != .preregistered {
            return warning("Nobody here has allowed this application before. Make sure you started this connection yourself.")
        }
        return nil
    }
}
