import HTTP
import OAuth
import Primitives

/// Password and second factor: the forms on `/account` and the pages around them.
extension Pages {
    func factorForm(_ page: AccountPage) -> Markup {
        let isSetUp = page.hasApp
        let state =
            switch (page.recoveryCodesLeft, isSetUp) {
            case (nil, _): "Signing in asks for the password alone. With an app, a stolen password is not enough."
            case (let left?, true): "Signing in asks for a code. \(left) recovery codes are left."
            case (let left?, false): "Signing in asks for a passkey. \(left) recovery codes are left. An app is a second way."
            }
        return """
            <section>
            <h2>Authenticator app</h2>
            <p>\(state)</p>
            <form method="post" action="/account">
            <input type="hidden" name="token" value="\(page.token)">
            <label for="otp-password">Your password</label>
            <input id="otp-password" name="password" type="password" autocomplete="current-password" maxlength="1024" required>
            <button type="submit" name="action" value="\(isSetUp ? "remove-otp" : "begin-otp")">\(isSetUp ? "Remove the app" : "Set up an app")</button>
            </form>
            </section>

            """
    }

    func passwordForm(_ page: AccountPage) -> Markup {
        """
        <section>
        <h2>Password</h2>
        <form method="post" action="/account">
        <input type="hidden" name="token" value="\(page.token)">
        <input type="hidden" name="username" value="\(page.user.name)" autocomplete="username">
        <label for="old-password">Present password</label>
        <input id="old-password" name="password" type="password" autocomplete="current-password" maxlength="1024" required>
        <label for="new-password">New password</label>
        <input id="new-password" name="new_password" type="password" autocomplete="new-password" minlength="15" maxlength="1024" required aria-describedby="new-password-hint">
        <p class="small" id="new-password-hint">At least 15 characters; a sentence is a good one. Applications have to be connected again.</p>
        <button type="submit" name="action" value="change-password">Change password</button>
        </form>
        </section>

        """
    }

    func secondFactor(_ page: SecondFactorPage) -> Response {
        let fields =
            (page.transactionID.isEmpty ? [] : [("transaction", page.transactionID)])
            + [("token", page.token), ("account", page.account), ("passed", page.passed)]
            + (page.device.map { [("device", $0)] } ?? [])
        let title = page.passkey == nil ? "Enter the code" : "One more step"
        let what =
            switch (page.hasApp, page.passkey != nil) {
            case (true, false): "Open your authenticator app and type the six digits, or use a recovery code."
            case (true, true): "Use your passkey, or type the six digits of your authenticator app or a recovery code."
            case (false, _): "Use your passkey, or type a recovery code."
            }
        return respond(
            title: title, prompt: page.passkey, status: page.status,
            """
            <h1>\(title)</h1>
            <p>\(what)</p>
            \(page.notice.map { notice($0) })
            <form method="post" action="/login">
            \(hidden(fields))<label for="otp">\(page.hasApp ? "Code" : "Recovery code")</label>
            <input id="otp" name="otp" autocomplete="one-time-code" autocapitalize="none" spellcheck="false" maxlength="24" required\(autofocus)>
            <button class="primary" type="submit">Continue</button>
            </form>
            \(page.passkey.map { passkeyForm($0, to: "/login", fields: fields, "Use a passkey") })
            """)
    }

    /// The secret of a new authenticator app, as a code to scan and as text.
    func enrolment(key: String, uri: String, token: String, notice text: String?) -> Response {
        frame.respond(
            frame.render(
                title: "Set up an app",
                """
                <h1>Set up an app</h1>
                <p>Scan this with your authenticator app, then type the six digits it shows.</p>
                \(text.map { notice($0) })
                \(QRCode.svg(uri))
                <p class="small">Cannot scan? Type this key: <code class="copy">\(key)</code></p>
                <form method="post" action="/account">
                <input type="hidden" name="token" value="\(token)">
                <label for="otp">Code</label>
                <input id="otp" name="otp" inputmode="numeric" autocomplete="one-time-code" maxlength="8" required\(autofocus)>
                <div class="actions">
                <button class="primary" type="submit" name="action" value="confirm-otp">Confirm</button>
                <a class="button" href="/account">Cancel</a>
                </div>
                </form>
                """))
    }

    /// - Parameter factor: what was set up with them.
    func recoveryCodes(_ codes: [String], of factor: String = "app") -> Response {
        frame.respond(
            frame.render(
                title: "Recovery codes",
                """
                <h1>Recovery codes</h1>
                <p>The \(factor) is set up. Keep these codes where you find them without your phone. Each works once, and they are not shown again.</p>
                <p class="copy">\(codes.map { Markup("<code>\($0)</code><br>") })</p>
                <p><a class="button primary" href="/account">I have kept them</a></p>
                """))
    }

    func invitation(username: String, code: String, token: String, notice text: String?) -> Response {
        frame.respond(
            frame.render(
                title: "Choose a password",
                """
                <h1>Choose a password</h1>
                <p>Welcome, <strong>\(username)</strong>. With it you sign in from now on.</p>
                \(text.map { notice($0) })
                <form method="post" action="/invite">
                <input type="hidden" name="token" value="\(token)">
                <input type="hidden" name="code" value="\(code)">
                <input type="hidden" name="username" value="\(username)" autocomplete="username">
                <label for="password">Password</label>
                <input id="password" name="password" type="password" autocomplete="new-password" minlength="15" maxlength="1024" required aria-describedby="hint"\(autofocus)>
                <p class="small" id="hint">At least 15 characters; a sentence is a good one.</p>
                <button class="primary" type="submit">Save and sign in</button>
                </form>
                """), status: text == nil ? .ok : .badRequest)
    }

    /// `/login` outside of an authorization: leads to `/account`.
    func signIn(
        token: String, username: String, device: String?, providers: [(name: String, title: String)] = [], notice text: String?,
        status: Status, passkey: PasskeyPrompt? = nil
    ) -> Response {
        respond(
            title: "Sign in", prompt: passkey, status: status,
            """
            <h1>Sign in</h1>
            \(text.map { notice($0) })
            <form method="post" action="/login">
            <input type="hidden" name="token" value="\(token)">\(device.map { Markup("\n<input type=\"hidden\" name=\"device\" value=\"\($0)\">") })
            <label for="username">User name</label>
            <input id="username" name="username" value="\(username)" autocomplete="username" autocapitalize="none" spellcheck="false" maxlength="64" required\(autofocus)>
            <label for="password">Password</label>
            <input id="password" name="password" type="password" autocomplete="current-password" maxlength="1024" required>
            <button class="primary" type="submit">Sign in</button>
            </form>
            \(passkey.map { passkeyForm($0, to: "/login", fields: [("token", token)] + (device.map { [("device", $0)] } ?? []), "Sign in with a passkey") })\(self.providers(providers, transaction: nil))
            """)
    }
}
