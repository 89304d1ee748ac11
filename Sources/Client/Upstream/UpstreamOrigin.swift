package import HTTP
internal import Primitives
package import Transport

/// Where an upstream server is: fixed by the administrator, so that private addresses and plain http are allowed (SSRF-1, SSRF-5).
package struct UpstreamOrigin: Sendable {
    /// A name or an address.
    package let host: String
    package let port: UInt16
    /// The value of `Host`: ours alone, never the client's (HDR-4).
    package let authority: String
    /// The path with its query, as requests name it.
    package let target: String
    /// Nil for plain http.
    package let tls: TLSClientContext?
    /// What follows the method: target, version, `Host`.
    let requestLineEnd: [UInt8]

    /// Nil unless an absolute http or https URL without user info and fragment.
    package init?(_ url: URLReference, tls: TLSClientContext) {
        guard url.scheme == "http" || url.scheme == "https", url.hasAuthority, !url.host.isEmpty, !url.hasUserInfo,
            url.fragment == nil, let port = UInt16(exactly: url.port ?? URLReference.defaultPort(url.scheme) ?? 0), port > 0
        else { return nil }
        host = url.host
        self.port = port
        authority = String(url.origin.dropFirst(url.scheme.count + 3))
        target = (url.path.isEmpty ? "/" : url.path) + (url.query.map { "?" + $0 } ?? "")
        requestLineEnd = Array(" \(target) HTTP/1.1\r\nhost: \(authority)".utf8)
        self.tls = url.scheme == "https" ? tls : nil
    }
}
