internal import HTTP
internal import Primitives

/// A URL the guard lets through, rebuilt from its one parse so that what was checked is what is fetched (SSRF-1).
struct GuardedURL: Sendable, Hashable {
    /// In lower case: letters, digits, hyphens and dots.
    let host: String
    let text: String

    private static let maximumBytes = 2048

    /// Names that never lead to the public internet, and those under which clouds serve credentials (RFC 6761, RFC 6762).
    private static let privateNames = ["localhost", "local", "internal", "home.arpa", "onion", "test", "invalid"]

    /// - Parameter port: the one port that may be asked for; a URL without port means 443.
    /// - Throws: a blocking `GuardError` that names the rule.
    init(_ text: String, port: Int) throws(GuardError) {
        func blocked(_ reason: StaticString) -> GuardError { GuardError(reason, isBlocked: true) }
        guard text.utf8.count <= Self.maximumBytes, let url = URLReference(text), url.hasAuthority else {
            throw blocked("malformed URL")
        }
        guard url.scheme == "https" else { throw blocked("scheme is not https") }
        guard !url.hasUserInfo else { throw blocked("URL has user information") }
        guard url.fragment == nil else { throw blocked("URL has a fragment") }
        guard (url.port ?? 443) == port else { throw blocked("port is not allowed") }
        guard !url.isIPv6, !Self.isNumeric(url.host) else { throw blocked("host is an IP literal") }
        guard Self.isName(url.host) else { throw blocked("host is not a public name") }
        host = url.host
        let path = url.path.isEmpty ? "/" : url.path
        self.text = "https://\(url.host)" + (port == 443 ? "" : ":\(port)") + path + (url.query.map { "?" + $0 } ?? "")
    }

    /// Whatever some resolver would read as an IPv4 address: `127.1`, `2130706433`, `0x7f.0.0.1` (WHATWG URL §3.5).
    private static func isNumeric(_ host: String) -> Bool {
        let labels = host.split(separator: ".")
        guard let last = labels.last else { return true }
        return last.utf8.allSatisfy { (0x30...0x39).contains($0) } || last.hasPrefix("0x")
    }

    /// A name of at least two labels of letters, digits and inner hyphens (RFC 1123 §2.1), international ones in their
    /// ASCII form only.
    private static func isName(_ host: String) -> Bool {
        let labels = host.split(separator: ".", omittingEmptySubsequences: false)
        let isWellFormed = labels.allSatisfy { label in
            (1...63).contains(label.utf8.count) && label.first != "-" && label.last != "-"
                && label.utf8.allSatisfy { (0x61...0x7A).contains($0) || (0x30...0x39).contains($0) || $0 == 0x2D }
        }
        return labels.count > 1 && host.utf8.count <= 253 && isWellFormed
            && !privateNames.contains { host == $0 || host.hasSuffix("." + $0) }
    }
}
