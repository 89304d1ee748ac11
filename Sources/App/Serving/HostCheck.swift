import HTTP

/// Which `Host` values are ours; anything else is answered 421 (RS-1). URLs are never built from the header.
struct HostCheck: Sendable {
    private let accepted: Set<String>
    private let isLoopback: Bool
    /// What nearly every request says, compared without making a `String`.
    private let usual: String

    init(publicURL: String) {
        let url = URLReference(publicURL)
        let authority = String(publicURL.dropFirst("https://".count)).lowercased()
        usual = authority
        accepted = [authority, url?.port == nil ? authority + ":443" : authority]
        isLoopback = ["localhost", "127.0.0.1", "::1"].contains(url?.host ?? "")
    }

    func accepts(_ request: Request) -> Bool {
        if request.fields.hasValue(.host, usual) { return true }
        guard let host = request.fields[.host]?.lowercased() else { return false }
        if accepted.contains(host) { return true }
        guard isLoopback else { return false }
        return ["localhost", "127.0.0.1", "[::1]"].contains { host == $0 || host.hasPrefix($0 + ":") }
    }
}
