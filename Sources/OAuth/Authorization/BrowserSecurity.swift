internal import Crypto
package import HTTP
package import Primitives

/// Cookies and synchroniser tokens of the pages (WEB-3, WEB-4).
package struct BrowserSecurity: Sendable {
    package static let sessionCookie = "__Host-gh_sid"
    static let browserCookie = "__Host-gh_pre"
    static let deviceCookie = "__Host-gh_dev"
    private static let deviceMemory = Duration.seconds(180 * 86_400)

    let hasher: TokenHasher
    let formKey: HMACSHA256
    /// Our own origin, as browsers spell it.
    let origin: String

    package init(hasher: TokenHasher, formKey: Secret, origin: String) {
        self.hasher = hasher
        self.formKey = HMACSHA256(key: formKey)
        self.origin = origin
    }

    /// A fresh cookie value of 256 bits.
    static func freshCookie() -> String { Base64.encode(Random.bytes(32)) }

    /// The digest of the cookie of that name; nil when absent, doubled or not of our shape.
    func cookieDigest(_ name: String, _ request: Request) -> TokenDigest? {
        let values = Cookies.values(name, in: request.fields)
        guard values.count == 1, values[0].utf8.count == 43 else { return nil }
        return hasher.digest(of: values[0])
    }

    /// The token a form of this purpose carries, bound to transaction and browser.
    func formToken(_ purpose: String, _ subject: String, _ browser: TokenDigest) -> String {
        Base64.encode(formKey.code(for: Array("\(purpose)\u{0}\(subject)\u{0}".utf8) + browser.bytes))
    }

    func isFormToken(_ token: String?, _ purpose: String, _ subject: String, _ browser: TokenDigest) -> Bool {
        guard let token else { return false }
        return ConstantTime.equal(Array(token.utf8), Array(formToken(purpose, subject, browser).utf8))
    }

    /// A form token bound to the browser's cookie, and the `Set-Cookie` value when the browser had none yet.
    package func freshForm(_ purpose: String, _ subject: String, _ request: Request) -> (cookie: String?, token: String) {
        if let browser = cookieDigest(Self.browserCookie, request) { return (nil, formToken(purpose, subject, browser)) }
        let value = Self.freshCookie()
        return (
            Cookies.set(Self.browserCookie, value, maxAge: .seconds(3600)), formToken(purpose, subject, hasher.digest(of: value))
        )
    }

    /// The check of `freshForm`'s token: the same browser, purpose and subject.
    package func isFormToken(_ token: String?, _ purpose: String, _ subject: String, _ request: Request) -> Bool {
        guard let browser = cookieDigest(Self.browserCookie, request) else { return false }
        return isFormToken(token, purpose, subject, browser)
    }

    /// BF-1: what a browser is known by in which this account signed in before; nil when it is not, or no more.
    package func knownDevice(_ request: Request, of account: String, at now: Timestamp) -> String? {
        let values = Cookies.values(Self.deviceCookie, in: request.fields)
        guard values.count == 1, values[0].utf8.count < 128 else { return nil }
        let parts = values[0].split(separator: ".", omittingEmptySubsequences: false).map(String.init)
        guard parts.count == 3, let end = Int64(parts[1]), now.seconds < end,
            ConstantTime.equal(Array(parts[2].utf8), Array(deviceProof(parts[0], until: end, of: account).utf8))
        else { return nil }
        return parts[0]
    }

    /// The `Set-Cookie` value by which this browser is known from now on. It proves nothing but an earlier success, and lets in
    /// nobody.
    package func rememberDevice(_ request: Request, of account: String, at now: Timestamp) -> String {
        let id = knownDevice(request, of: account, at: now) ?? Base64.encode(Random.bytes(16))
        let end = (now + Self.deviceMemory).seconds
        return Cookies.set(
            Self.deviceCookie, "\(id).\(end).\(deviceProof(id, until: end, of: account))", maxAge: Self.deviceMemory)
    }

    private func deviceProof(_ id: String, until end: Int64, of account: String) -> String {
        Base64.encode(formKey.code(for: Array("device\u{0}\(account)\u{0}\(id)\u{0}\(end)".utf8)))
    }

    /// WEB-4 with contract §9: `Origin` ours, or `null` or absent with `Sec-Fetch-Site: same-origin`; neither is refused.
    package func isSameOrigin(_ request: Request) -> Bool {
        let site = request.fields.single(.secFetchSite)
        guard request.fields.count(of: .origin) <= 1 else { return false }
        switch request.fields[.origin] {
        case nil, "null": return site == "same-origin"
        case let value?: return value == origin && (site == nil || site == "same-origin")
        }
    }
}
