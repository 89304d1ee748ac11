import Testing

@testable import OAuth

@Suite struct RedirectURITests {
    private static let schemes: Set<String> = ["cursor", "vscode"]

    @Test(arguments: [
        "https://app.example/cb", "https://app.example", "https://app.example:8443/cb?a=b",
        "https://claude.ai/api/mcp/auth_callback",
        "http://localhost/cb", "http://localhost:3118/callback", "http://127.0.0.1:1/cb", "http://[::1]:9/cb", "http://127.0.0.1",
        "com.example.app:/oauth", "com.example.app://oauth/cb", "cursor://anysphere.cursor-mcp/oauth", "vscode://x/y",
    ])
    func `an https, loopback or private-use URI may be registered (CLI-2)`(_ uri: String) {
        #expect(RedirectURI.isAcceptable(uri, schemes: Self.schemes))
    }

    @Test(arguments: [
        // no loopback, look-alikes of loopback
        "http://app.example/cb", "http://127.0.0.2/cb", "http://127.0.0.1.evil.example/cb", "http://localhost.evil.example/cb",
        "http://[::2]/cb", "http://0.0.0.0/cb", "http://[::ffff:127.0.0.1]/cb", "http://127.1/cb",
        // user information, fragments, wildcards
        "https://user@app.example/cb", "https://user:pw@app.example/cb", "https://app.example@evil.example/cb",
        "http://localhost@evil.example/",
        "https://app.example/cb#f", "https://app.example/cb#", "https://*.app.example/cb", "https://app.example/*",
        // spellings a parser would change
        "HTTPS://app.example/cb", "https://APP.example/cb", "https://app%2eexample/cb", "https://app.example./cb",
        "https://.app.example/cb",
        "https://app.example/a/../cb", "https://app.example/./cb", "https://app.example/%2e%2e/cb", "https://app.example/.%2E/cb",
        "https:app.example/cb", "https:/app.example/cb", "https:///cb", "https://", "//app.example/cb", "/cb", "app.example/cb", "",
        "https://app.example\\@evil.example/cb", "https://app.example/c b", "https://app.example/cb\t", " https://app.example/cb",
        "https://app.example/cb\u{0}", "https://app.example/\r\nx", "https://app.exämple/cb", "https://app.example:99999/cb",
        "https://app.example:/cb", "https://app.example/%zz", "https://app.example:0/cb",
        // schemes a browser runs
        "javascript:alert(1)", "data:text/html,x", "file:///etc/passwd", "blob:https://app.example/x", "about:blank", "vbscript:x",
        "ws://app.example/cb", "wss://app.example/cb", "ftp://app.example/cb", "view-source:https://app.example",
        // private-use without a dot and not on the list
        "myapp://cb", "urn:ietf:wg:oauth:2.0:oob",
    ])
    func `a URI that could lead elsewhere is refused (CLI-2)`(_ uri: String) {
        #expect(!RedirectURI.isAcceptable(uri, schemes: Self.schemes))
    }

    @Test func `2000 characters are the most (CLI-2)`() {
        let prefix = "https://app.example/"
        #expect(RedirectURI.isAcceptable(prefix + String(repeating: "a", count: 2000 - prefix.count), schemes: []))
        #expect(!RedirectURI.isAcceptable(prefix + String(repeating: "a", count: 2001 - prefix.count), schemes: []))
    }

    @Test(arguments: [
        ("https://app.example/cb", "https://app.example/cb"),
        ("http://localhost:3118/cb", "http://localhost/cb"), ("http://localhost/cb", "http://localhost:3118/cb"),
        ("http://127.0.0.1:5/cb?a=b", "http://127.0.0.1:6/cb?a=b"), ("http://[::1]:5/cb", "http://[::1]/cb"),
        ("com.example.app:/oauth", "com.example.app:/oauth"),
    ])
    func `equal strings match, and loopback ports may differ (CLI-3)`(_ requested: String, _ registered: String) {
        #expect(RedirectURI.matches(requested, registered: registered))
    }

    @Test(arguments: [
        ("https://app.example:8443/cb", "https://app.example/cb"), ("https://app.example:443/cb", "https://app.example/cb"),
        ("https://app.example/cb/", "https://app.example/cb"), ("https://app.example/CB", "https://app.example/cb"),
        ("https://APP.example/cb", "https://app.example/cb"), ("https://app.example/cb?x=1", "https://app.example/cb"),
        ("https://app.example/cb#x", "https://app.example/cb"), ("https://user@app.example/cb", "https://app.example/cb"),
        ("https://app.example/a/../cb", "https://app.example/cb"), ("https://app.example/%63b", "https://app.example/cb"),
        ("http://app.example/cb", "https://app.example/cb"), ("https://app.example.evil.example/cb", "https://app.example/cb"),
        ("http://localhost:1/cb", "http://127.0.0.1:1/cb"), ("http://[::1]:1/cb", "http://127.0.0.1:1/cb"),
        ("http://localhost:1/cb2", "http://localhost:1/cb"), ("http://localhost:1/cb?a=1", "http://localhost:1/cb"),
        ("http://localhost:1/cb#f", "http://localhost:1/cb"), ("http://x@localhost:1/cb", "http://localhost:1/cb"),
        ("http://localhost:1@evil.example/cb", "http://localhost:1/cb"), ("http://localhost:1/x/../cb", "http://localhost:1/cb"),
        ("https://localhost:1/cb", "https://localhost:2/cb"), ("http://LOCALHOST:1/cb", "http://localhost:2/cb"),
        ("", "https://app.example/cb"), ("com.example.app:/oauth2", "com.example.app:/oauth"),
    ])
    func `anything else is another address (CLI-3)`(_ requested: String, _ registered: String) {
        #expect(!RedirectURI.matches(requested, registered: registered))
    }

    @Test(arguments: [
        ("https://app.example:8443/cb", "app.example"), ("http://[::1]:1/cb", "::1"), ("com.example.app:/cb", "com.example.app:"),
        ("cursor://host/cb", "host"), ("%%%", "unknown"),
    ])
    func `people read the host the code goes to`(_ uri: String, _ host: String) {
        #expect(RedirectURI.displayHost(uri) == host)
    }
}
