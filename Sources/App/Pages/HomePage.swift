import HTTP

extension Pages {
    /// `/`: what this is, the URL to copy, where to go.
    func home(mcpURL: String) -> Response {
        frame.respond(
            frame.render(
                title: "Welcome",
                """
                <h1>MCP gateway</h1>
                <p>Paste this URL into Claude, or into any other MCP client. It will ask you to sign in here.</p>
                <p><code class="copy">\(mcpURL)</code></p>
                <ul class="links">
                <li><a href="/account">Your account and keys</a></li>
                <li><a href="/.well-known/oauth-protected-resource">Resource metadata</a></li>
                <li><a href="/.well-known/oauth-authorization-server">Authorization server metadata</a></li>
                </ul>
                """))
    }
}
