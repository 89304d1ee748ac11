import HTTP
import OAuth
import Primitives

/// Passkeys: the forms that a script fills, hidden where there is no script, and the pages around them (MFA-2).
extension Pages {
    /// Loads the script, on pages that have a form for it and nowhere else (WEB-1).
    var passkeyScript: Markup { "<script src=\"\(PageFrame.scriptPath)\" defer></script>\n" }

    /// A page with passkey forms when there is a prompt, else without any script.
    func respond(title: String, prompt: PasskeyPrompt?, status: Status = .ok, _ content: Markup) -> Response {
        frame.respond(
            frame.render(title: title, head: prompt == nil ? nil : passkeyScript, content), status: status,
            policy: prompt == nil ? PageFrame.policy : PageFrame.scriptPolicy)
    }

    /// A form with one button, by which an authenticator answers instead of a password or a code.
    func passkeyForm(_ prompt: PasskeyPrompt, to path: String, fields: [(String, String)], _ button: String) -> Markup {
        """
        <form method="post" action="\(path)" class="passkey" data-passkey="get" data-challenge="\(prompt.challenge)" data-party="\(prompt.relyingPartyID)" data-credentials="\(prompt.credentials.joined(separator: " "))" data-verification="\(prompt.isVerificationRequired ? "required" : "preferred")" hidden>
        \(hidden(fields + [("passkey_ticket", prompt.ticket)]))<p class="notice" role="alert" hidden></p>
        <button type="submit">\(button)</button>
        </form>

        """
    }

    func hidden(_ fields: [(String, String)]) -> [Markup] {
        fields.map { name, value in "<input type=\"hidden\" name=\"\(name)\" value=\"\(value)\">\n" }
    }

    /// Makes the passkey; the browser asks the person for it.
    func newPasskey(_ prompt: PasskeyPrompt, handle: String, username: String, name: String, token: String) -> Response {
        respond(
            title: "Add a passkey", prompt: prompt,
            """
            <h1>Add a passkey</h1>
            <p>Your browser asks you now for a fingerprint, your face, a PIN or a security key. Nothing of that comes here.</p>
            <p class="warning" role="note" data-without-passkeys>This browser has no passkeys, or scripts are switched off. Use an authenticator app instead.</p>
            <form method="post" action="/account" data-passkey="create" data-challenge="\(prompt.challenge)" data-party="\(prompt.relyingPartyID)" data-credentials="\(prompt.credentials.joined(separator: " "))" data-handle="\(handle)" data-user="\(username)" hidden>
            \(hidden([("token", token), ("action", "finish-passkey"), ("passkey_ticket", prompt.ticket)]))<p class="notice" role="alert" hidden></p>
            <label for="name">What to call it</label>
            <input id="name" name="name" value="\(name)" autocomplete="off" maxlength="40" required>
            <button class="primary" type="submit">Create the passkey</button>
            </form>
            <p><a href="/account">Cancel</a></p>
            """)
    }

    /// Asks a signed-in person for the password or a passkey before something that weighs (MFA-2).
    func confirmation(_ page: ConfirmationPage) -> Response {
        respond(
            title: page.title, prompt: page.passkey, status: page.notice == nil ? .ok : .unauthorized,
            """
            <h1>\(page.title)</h1>
            <p>\(page.text)</p>
            \(page.notice.map { notice($0) })
            <form method="post" action="\(page.path)">
            \(hidden(page.fields))<input type="hidden" name="username" value="\(page.username)" autocomplete="username">
            <label for="password">Your password</label>
            <input id="password" name="password" type="password" autocomplete="current-password" maxlength="1024" required\(autofocus)>
            <button class="primary" type="submit">\(page.button)</button>
            </form>
            \(page.passkey.map { passkeyForm($0, to: page.path, fields: page.fields, "Use a passkey instead") })
            <p><a href="\(page.path)">Cancel</a></p>
            """)
    }

    func passkeySection(_ page: AccountPage) -> Markup? {
        guard let passkeys = page.passkeys else { return nil }
        let rows = passkeys.map { passkey -> Markup in
            let kind = passkey.isBackupEligible ? "synchronised" : "on one device"
            let use = passkey.lastUsedAt.map { "last used \($0.day)" } ?? "not used yet"
            return row(
                passkey.name, "\(kind), since \(passkey.createdAt.day), \(use)", "ask-remove-passkey", "Remove", passkey.id,
                page.token)
        }
        return """
            <section>
            <h2>Passkeys</h2>
            <p>A passkey cannot be phished: it answers to this site alone.</p>
            \(rows.isEmpty ? Markup("<p class=\"small\">None.</p>") : Markup("<ul class=\"rows\">\n\(rows)</ul>"))
            <form method="post" action="/account">
            <input type="hidden" name="token" value="\(page.token)">
            <button type="submit" name="action" value="ask-add-passkey">Add a passkey</button>
            </form>
            </section>

            """
    }
}

/// A question that only the account's owner can answer.
struct ConfirmationPage {
    let title: String
    let text: String
    let button: String
    /// Where the forms go, and where cancelling leads.
    let path: String
    /// Hidden fields of both forms: the token, the action and what it is about.
    let fields: [(String, String)]
    let username: String
    let passkey: PasskeyPrompt?
    let notice: String?
}
