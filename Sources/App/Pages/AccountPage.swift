import HTTP
import Primitives

/// What `/account` shows of one engine.
struct AccountKey {
    let engine: String
    let title: String
    /// "present", "missing" or "rejected".
    let state: String
}

extension Pages {
    /// `/account` for a signed-in user: the upstream keys, and the way out.
    func account(username: String, role: Role, keys: [AccountKey], token: String, message: String?) -> Response {
        frame.respond(
            frame.render(
                title: "Your account",
                """
                <h1>Your account</h1>
                <p>Signed in as <strong>\(username)</strong>, role \(role.rawValue).</p>
                \(message.map { notice($0) })
                \(keys.map { keyForm($0, token) })
                <form method="post" action="/account">
                <input type="hidden" name="token" value="\(token)">
                <button type="submit" name="action" value="sign-out">Sign out</button>
                </form>
                """))
    }

    private func keyForm(_ key: AccountKey, _ token: String) -> Markup {
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

    /// `/login` outside of an authorization: leads to `/account`.
    func signIn(token: String, username: String, device: String?, notice text: String?, status: Status) -> Response {
        frame.respond(
            frame.render(
                title: "Sign in",
                """
                <h1>Sign in</h1>
                \(text.map { notice($0) })
                <form method="post" action="/login">
                <input type="hidden" name="token" value="\(token)">
                \(device.map { Markup("<input type=\"hidden\" name=\"device\" value=\"\($0)\">") })
                <label for="username">User name</label>
                <input id="username" name="username" value="\(username)" autocomplete="username" autocapitalize="none" spellcheck="false" maxlength="64" required\(autofocus)>
                <label for="password">Password</label>
                <input id="password" name="password" type="password" autocomplete="current-password" maxlength="1024" required>
                <button class="primary" type="submit">Sign in</button>
                </form>
                """), status: status)
    }
}
