import HTTP
import Primitives

extension Configuration {
    /// Other MCP servers behind the gateway.
    struct Upstreams: Sendable, Equatable {
        var entries: [Upstream] = []
    }

    /// Another MCP server behind the gateway, a protected resource of its own.
    struct Upstream: Sendable, Equatable {
        /// The prefix of its scopes and the engine of its keys.
        var name = ""
        /// Below `/mcp/`.
        var path = ""
        var url = ""
        /// Nil for a server that takes no keys.
        var credential: Credential?
        /// Nil for a server that is not told who calls.
        var identity: Identity?
        /// The class each named tool needs.
        var tools: [String: Permission] = [:]
        var trustsAnnotations = false
        var timeout = Duration.seconds(60)
        var maximumResponseBytes = 16_777_216

        struct Credential: Sendable, Equatable {
            var header = "Authorization"
            var format = "Bearer {key}"
        }

        struct Identity: Sendable, Equatable {
            var header = "X-Gatehouse-Identity"
            /// Empty for the URL of the upstream.
            var audience = ""
        }
    }

    mutating func readUpstreams(_ root: SettingReader) {
        root.list("upstreams") { entry in
            var upstream = Upstream()
            entry.string("name", into: &upstream.name)
            entry.string("path", into: &upstream.path)
            entry.string("url", into: &upstream.url)
            if entry.isNull("credential") {
                entry.ignore("credential")
            } else {
                entry.section("credential") { section in
                    var credential = Upstream.Credential()
                    section.string("header", into: &credential.header)
                    section.string("format", into: &credential.format)
                    upstream.credential = credential
                }
            }
            if entry.isNull("identity") {
                entry.ignore("identity")
            } else {
                entry.section("identity") { section in
                    var identity = Upstream.Identity()
                    section.string("header", into: &identity.header)
                    section.string("audience", into: &identity.audience)
                    upstream.identity = identity
                }
            }
            entry.section("tools") { tools in
                tools.rest { name, reader in
                    var word = "admin"
                    reader.choice(name, Permission.allCases.map(\.text), into: &word)
                    upstream.tools[name] = Permission(word)
                }
            }
            entry.bool("trust_annotations", into: &upstream.trustsAnnotations)
            entry.duration("timeout", .milliseconds(100)...(.seconds(3600)), into: &upstream.timeout)
            entry.int("max_response_bytes", 1024...1_073_741_824, into: &upstream.maximumResponseBytes)
            if upstream.path.isEmpty, !upstream.name.isEmpty { upstream.path = "/mcp/" + upstream.name }
            validate(upstream, entry)
            upstreams.entries.append(upstream)
        }
    }

    private func validate(_ upstream: Upstream, _ entry: SettingReader) {
        let taken = ["qarnot", "tensorpool", "airflow"] + upstreams.entries.map(\.name)
        if !Self.isName(upstream.name) {
            entry.report("name", "must be 1 to 32 of a-z, 0-9 and hyphens, such as docs")
        } else if taken.contains(upstream.name) {
            entry.report("name", "\"\(upstream.name)\" is another engine's or upstream's name")
        }
        if !upstream.path.hasPrefix("/mcp/") || !Self.isSegment(upstream.path.dropFirst(5)) {
            entry.report("path", "must be /mcp/ and one word, such as /mcp/docs")
        } else if ([engines.qarnotPath] + upstreams.entries.map(\.path)).contains(upstream.path) {
            entry.report("path", "\"\(upstream.path)\" is taken already")
        }
        let url = URLReference(upstream.url)
        if !["http", "https"].contains(url?.scheme) || url?.host.isEmpty != false || url?.hasUserInfo != false
            || url?.fragment != nil
        {
            entry.report("url", "must be the http or https URL of an MCP endpoint, without a user or a fragment")
        }
        let reserved = [
            "host", "content-length", "transfer-encoding", "connection", "content-type", "accept", "mcp-session-id",
            "mcp-protocol-version",
        ]
        if let identity = upstream.identity {
            let name = identity.header.lowercased()
            let others = reserved + ["authorization", "cookie", upstream.credential?.header.lowercased() ?? ""]
            if name.isEmpty || !name.utf8.allSatisfy(Token.isCharacter) || others.contains(name) || name.hasPrefix("mcp-") {
                entry.report("identity", "header must name a field of its own, such as X-Gatehouse-Identity")
            }
        }
        guard let credential = upstream.credential else { return }
        if credential.header.isEmpty || !credential.header.utf8.allSatisfy(Token.isCharacter)
            || reserved.contains(credential.header.lowercased())
        {
            entry.report("credential", "header must name a field for the key, such as Authorization or X-API-Key")
        }
        if credential.format.ranges(of: "{key}").count != 1 || !credential.format.utf8.allSatisfy({ $0 >= 0x20 && $0 < 0x7F }) {
            entry.report("credential", "format must hold {key} once, such as \"Bearer {key}\"")
        }
    }

    private static func isName(_ text: String) -> Bool {
        (1...32).contains(text.utf8.count) && text.utf8.first != UInt8(ascii: "-")
            && text.utf8.allSatisfy { ($0 | 0x20) &- 0x61 < 26 && $0 >= 0x61 || $0 &- 0x30 < 10 || $0 == UInt8(ascii: "-") }
    }

    private static func isSegment(_ text: some StringProtocol) -> Bool {
        (1...64).contains(text.utf8.count)
            && text.utf8.allSatisfy { ($0 | 0x20) &- 0x61 < 26 || $0 &- 0x30 < 10 || "-_".utf8.contains($0) }
    }
}
