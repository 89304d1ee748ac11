import Crypto
import HTTP
import Primitives

/// What every page shares: the frame around its content and the headers of WEB-1 and AZ-18.
struct PageFrame: Sendable {
    let product = "Gatehouse"
    /// No HSTS for `localhost`: it would reach every other port of the developer's machine.
    let sendsStrictTransport: Bool

    static let stylesheetPath: String = "/assets/style-" + Hex.encode(SHA256.digest(PackageResources.style_css).prefix(6)) + ".css"

    static let scriptPath: String = "/assets/passkey-" + Hex.encode(SHA256.digest(PackageResources.passkey_js).prefix(6)) + ".js"

    static let policy =
        "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    /// Of pages that may ask for a passkey: our one script, nothing inline (WEB-1).
    static let scriptPolicy = policy + "; script-src 'self'"
    /// The hand-off page submits nothing; Chromium would apply `form-action` to the client's redirects too (AZ-17).
    static let handOffPolicy =
        "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'none'; frame-ancestors 'none'; base-uri 'none'"

    func render(title: String, head: Markup? = nil, _ content: Markup) -> Markup {
        """
        <!doctype html>
        <html lang="en">
        <head>
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <meta name="color-scheme" content="light dark">
        <title>\(title) · \(product)</title>
        <link rel="icon" href="data:,">
        <link rel="stylesheet" href="\(Self.stylesheetPath)">
        \(head)</head>
        <body>
        <main class="card">
        <p class="brand"><span class="mark" aria-hidden="true"></span>\(product)</p>
        \(content)
        </main>
        </body>
        </html>

        """
    }

    func respond(_ markup: Markup, status: Status = .ok, policy: String = PageFrame.policy) -> Response {
        var fields: Fields = [
            (.contentType, "text/html; charset=utf-8"), (.cacheControl, "no-store"), (FieldName("pragma"), "no-cache"),
            (FieldName("content-security-policy"), policy), (FieldName("referrer-policy"), "no-referrer"),
            (FieldName("x-content-type-options"), "nosniff"), (FieldName("x-frame-options"), "DENY"),
            (FieldName("cross-origin-resource-policy"), "same-origin"),
            (
                FieldName("permissions-policy"),
                "camera=(), geolocation=(), microphone=(), payment=(), usb=(), publickey-credentials-get=(self)"
            ),
        ]
        if sendsStrictTransport {
            fields.append(FieldName("strict-transport-security"), "max-age=63072000; includeSubDomains")
        }
        return Response(status, fields: fields, body: .bytes(Array(markup.html.utf8)))
    }
}

/// A file that comes with the pages, under a name that changes with its content.
struct AssetResponder: Responder {
    static let stylesheet = AssetResponder("text/css; charset=utf-8", PackageResources.style_css)
    static let script = AssetResponder("text/javascript; charset=utf-8", PackageResources.passkey_js)

    private let response: Response

    private init(_ type: String, _ content: [UInt8]) {
        response = Response(
            .ok,
            fields: [
                (.contentType, type), (.cacheControl, "public, max-age=31536000, immutable"),
                (FieldName("x-content-type-options"), "nosniff"), (FieldName("cross-origin-resource-policy"), "same-origin"),
            ], body: .bytes(content))
    }

    func bodyLimit(for request: Request) -> Int { 0 }
    func respond(to request: Request, in context: RequestContext) async -> Response { response }
}
