import HTTP
import OAuth
import Primitives

extension Pages: DevicePages {
    func device(_ page: DevicePage) -> Response {
        switch page {
        case .ask(let token, let text): askCode(token, text)
        case .confirm(let token, let code, let client, let address, let user, let resource, let scopes):
            confirmDevice(token, code, client, address, user, resource, scopes)
        case .done(let isAllowed):
            frame.respond(
                frame.render(
                    title: isAllowed ? "Device connected" : "Not connected",
                    """
                    <h1>\(isAllowed ? "Device connected" : "Not connected")</h1>
                    <p>\(isAllowed ? "You may go back to the device. It goes on by itself." : "Nothing was allowed. You may close this page.")</p>
                    <p><a href="/account">Your account</a></p>
                    """))
        }
    }

    private func askCode(_ token: String, _ text: String?) -> Response {
        frame.respond(
            frame.render(
                title: "Connect a device",
                """
                <h1>Connect a device</h1>
                <p>Type the code the device shows.</p>
                \(text.map { notice($0) })
                <form method="post" action="/device">
                <input type="hidden" name="token" value="\(token)">
                <label for="user_code">Code</label>
                <input id="user_code" name="user_code" autocomplete="off" autocapitalize="characters" spellcheck="false" maxlength="16" required\(autofocus)>
                <button class="primary" type="submit">Continue</button>
                </form>
                """))
    }

    private func confirmDevice(
        _ token: String, _ code: String, _ client: String, _ address: String, _ user: String, _ resource: String, _ scopes: ScopeSet
    ) -> Response {
        frame.respond(
            frame.render(
                title: "Allow a device",
                """
                <h1>Allow <q>\(client)</q>?</h1>
                <p>A device wants to use <strong>\(resource)</strong> as <strong>\(user)</strong>.</p>
                \(warning("Allow it only if the device is in front of you and shows this code. Somebody who sent you the code would get your access."))
                <form method="post" action="/device">
                <input type="hidden" name="token" value="\(token)">
                <input type="hidden" name="user_code" value="\(code)">
                <fieldset>
                <legend>It may</legend>
                \(scopes.scopes.map(scopeRow))
                </fieldset>
                <dl>
                <dt>Code</dt><dd><code>\(code)</code></dd>
                <dt>Asked from</dt><dd>\(address)</dd>
                </dl>
                <div class="actions">
                <button class="primary" type="submit" name="decision" value="allow">Allow</button>
                <button type="submit" name="decision" value="deny">Deny</button>
                </div>
                </form>
                """))
    }
}
