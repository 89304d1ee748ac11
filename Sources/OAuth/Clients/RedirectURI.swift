internal import HTTP

/// Which redirect URIs may be registered, and which request matches a registration (CLI-2, CLI-3).
package enum RedirectURI {
    static let maximumLength = 2000
    static let maximumCount = 10
    private static let loopbackHosts: Set<String> = ["127.0.0.1", "::1", "localhost"]
    /// Schemes a browser runs or reads by itself.
    private static let dangerousSchemes: Set<String> = [
        "javascript", "data", "file", "blob", "about", "vbscript", "ws", "wss", "ftp", "view-source", "filesystem",
    ]

    /// CLI-2: https to any host, http to loopback, or a private-use scheme with a dot or on the list.
    package static func isAcceptable(_ text: String, schemes: Set<String>) -> Bool {
        guard text.utf8.count <= maximumLength, !text.contains("*"), let url = URLReference(text), url.fragment == nil,
            !url.hasUserInfo, !dangerousSchemes.contains(url.scheme), text.hasPrefix(url.scheme)
        else { return false }
        switch url.scheme {
        case "https": return url.hasAuthority && isCanonicalHost(url, in: text)
        case "http": return url.hasAuthority && loopbackHosts.contains(url.host) && isCanonicalHost(url, in: text)
        default: return url.scheme.contains(".") || schemes.contains(url.scheme)
        }
    }

    /// CLI-3: simple string comparison; for loopback hosts over http the port alone may differ.
    package static func matches(_ requested: String, registered: String) -> Bool {
        if requested == registered { return true }
        guard let a = URLReference(requested), let b = URLReference(registered), isLoopback(a), isLoopback(b) else { return false }
        return a.host == b.host && a.isIPv6 == b.isIPv6 && (a.path.isEmpty ? "/" : a.path) == (b.path.isEmpty ? "/" : b.path)
            && a.query == b.query && a.fragment == nil && !a.hasUserInfo && isAcceptable(requested, schemes: [])
    }

    /// The host people should read before they agree: where the code will go.
    package static func displayHost(_ text: String) -> String {
        guard let url = URLReference(text) else { return "unknown" }
        return url.hasAuthority && !url.host.isEmpty ? url.host : "\(url.scheme):"
    }

    package static func isLoopback(_ text: String) -> Bool { URLReference(text).map(isLoopback) ?? false }

    private static func isLoopback(_ url: URLReference) -> Bool { url.scheme == "http" && loopbackHosts.contains(url.host) }

    /// Refuses spellings a parser would change: upper case, escapes in the host, dot segments.
    private static func isCanonicalHost(_ url: URLReference, in text: String) -> Bool {
        let rest = text.dropFirst(url.scheme.count + 3)
        let host = url.isIPv6 ? "[\(url.host)]" : url.host
        guard rest.hasPrefix(host), !url.host.contains("%"), !url.host.hasSuffix("."), !url.host.hasPrefix(".") else {
            return false
        }
        return !url.path.split(separator: "/").contains { [".", "..", "%2e", "%2e%2e", ".%2e", "%2e."].contains($0.lowercased()) }
    }
}
