import Crypto
import HTTP
import OAuth
import Primitives

extension Command {
    /// `gatehouse client …`
    static let clients: [Command] = [
        Command(
            path: ["client", "add"], usage: "--name NAME --redirect URI…", summary: "Register an OAuth client by hand.",
            options: [
                Option("--name", "NAME", "what people read on the consent page"),
                Option("--redirect", "URI", "where codes may go; may be repeated"),
                Option("--confidential", nil, "give it a secret, printed once"),
                Option("--for", "PRESET", "claude: the redirect URIs of Claude's connectors"),
                Option("--scope", "SCOPE", "most the client may ever be granted; may be repeated"),
                Option("--service-user", "USER", "act as this account with client_credentials; implies --confidential"),
                Option("--introspection", nil, "may call /introspect; implies --confidential"),
                Option("--device", nil, "may use the device grant"),
                Option("--jwks", "FILE", "prove itself with private_key_jwt and the public keys in this JWK set"),
                Option("--certificate-name", "CN", "prove itself with a TLS client certificate of this common name"),
                Option("--certificate-san", "KIND:NAME", "the same by another name of the certificate: dns:, uri: or email:"),
                Option("--auth", "METHOD", "client_secret_post (default) or client_secret_basic, with a secret"),
                Option("--require-pushed-requests", nil, "take its authorization requests only through /par"),
            ]
        ) { invocation async throws(CommandError) in try await ClientCommands.add(invocation) },
        Command(
            path: ["client", "list"], usage: "", summary: "List clients.",
            options: [Option("--pending", nil, "those that wait for approval, and who asked")]
        ) { invocation async throws(CommandError) in try await ClientCommands.list(invocation) },
        Command(path: ["client", "show"], usage: "ID", summary: "Show one client.") { invocation async throws(CommandError) in
            try await ClientCommands.show(invocation)
        },
        Command(
            path: ["client", "approve"], usage: "ID",
            summary: "Approve a client for everybody: consent may be remembered, and no warning is shown."
        ) { invocation async throws(CommandError) in try await ClientCommands.approve(invocation) },
        Command(
            path: ["client", "pin"], usage: "URL FILE",
            summary: "Keep a client id metadata document from a file instead of fetching it."
        ) { invocation async throws(CommandError) in try await ClientCommands.pin(invocation) },
        Command(
            path: ["client", "remove"], usage: "ID", summary: "Remove a client with all its grants and tokens.",
            options: [
                Option("--yes", nil, "accepted for scripts; nothing is asked"),
                Option("--dry-run", nil, "say what would be removed, and remove nothing"),
            ]
        ) { invocation async throws(CommandError) in try await ClientCommands.remove(invocation) },
    ]
}

enum ClientCommands {
    private static let presets = [
        "claude": ["https://claude.ai/api/mcp/auth_callback", "https://claude.com/api/mcp/auth_callback"]
    ]

    static func add(_ invocation: Invocation) async throws(CommandError) {
        var redirects = invocation.arguments.all("--redirect")
        if let preset = invocation.value("--for") {
            guard let uris = presets[preset] else {
                throw CommandError(
                    .usage, "There is no preset \"\(preset)\"; there is \(presets.keys.sorted().joined(separator: ", ")).")
            }
            redirects += uris
        }
        guard let name = invocation.value("--name") ?? invocation.value("--for").map({ $0.prefix(1).uppercased() + $0.dropFirst() })
        else {
            throw CommandError(.usage, "Give the client a name: --name NAME.")
        }
        let needsNoRedirect =
            invocation.has("--introspection") || invocation.has("--device") || invocation.value("--service-user") != nil
        guard !redirects.isEmpty || needsNoRedirect else { throw CommandError(.usage, "Say where codes may go: --redirect URI.") }
        let keys = try keys(invocation)
        let method = try method(invocation, keys)
        let limit = try scopeLimit(invocation)
        try await Installation.withWorkspace(invocation) { workspace async throws(CommandError) in
            let schemes = workspace.configuration.oauthSettings.redirectSchemes
            for uri in redirects where !RedirectURI.isAcceptable(uri, schemes: schemes) {
                throw CommandError(
                    .usage, "\(uri) is no acceptable redirect URI: use https, or http for localhost, without a fragment.")
            }
            let usesSecret = method == .post || method == .basic
            let secret = usesSecret ? TokenFormat.mint(.clientSecret) : nil
            var client = Client(
                id: ClientID("cli-" + Random.text(22)), kind: .preregistered, name: name, redirectURIs: redirects,
                authenticationMethod: method, secretDigest: secret.map { workspace.hasher.digest(of: $0) },
                grantTypes: grantTypes(invocation, hasRedirects: !redirects.isEmpty), scopeLimit: limit, createdAt: .now())
            client.keys = keys
            client.isIntrospector = invocation.has("--introspection")
            client.requiresPushedRequests = invocation.has("--require-pushed-requests")
            if let user = invocation.value("--service-user") {
                client.serviceUserID = try await workspace.requireUser(user).id
            }
            try await workspace.recordCommand(Event("client.registered", client: client.id, details: [("kind", "preregistered")]))
            do throws(StoreError) { try await workspace.clients.insert(client) } catch { throw CommandError(error) }
            printAdded(client, secret, invocation.output)
        }
    }

    private static func grantTypes(_ invocation: Invocation, hasRedirects: Bool) -> [String] {
        var types = hasRedirects ? ["authorization_code", "refresh_token"] : []
        if invocation.value("--service-user") != nil { types.append("client_credentials") }
        if invocation.has("--device") {
            types.append(DeviceAuthorizationEndpoint.grantType)
            if !hasRedirects { types.append("refresh_token") }
        }
        return types
    }

    private static func method(_ invocation: Invocation, _ keys: Client.Keys?) throws(CommandError) -> Client.AuthenticationMethod {
        switch keys {
        case .subject, .alternativeName: return .certificate
        default: break
        }
        if keys != nil { return .privateKey }
        let needsSecret =
            invocation.has("--confidential") || invocation.has("--introspection") || invocation.value("--service-user") != nil
        switch invocation.value("--auth") {
        case nil: return needsSecret ? .post : .none
        case "client_secret_post": return .post
        case "client_secret_basic": return .basic
        case let other?:
            throw CommandError(.usage, "There is no method \"\(other)\"; use client_secret_post or client_secret_basic.")
        }
    }

    private static func keys(_ invocation: Invocation) throws(CommandError) -> Client.Keys? {
        if let name = invocation.value("--certificate-name") { return .subject(name) }
        if let text = invocation.value("--certificate-san") {
            let parts = text.split(separator: ":", maxSplits: 1).map(String.init)
            guard parts.count == 2, let kind = ClientCertificate.AlternativeName.Kind(rawValue: "san_" + parts[0]) else {
                throw CommandError(.usage, "\"\(text)\" is no name of a certificate; write dns:NAME, uri:URI or email:ADDRESS.")
            }
            return .alternativeName(ClientCertificate.AlternativeName(kind, parts[1]))
        }
        guard let path = invocation.value("--jwks") else { return nil }
        let set = try json(in: path)
        do { return try ClientRegistration.publicKeys(set) } catch {
            throw CommandError(.usage, "\(path) holds no JWK set with public keys of ES256, EdDSA, PS256 or RS256.")
        }
    }

    private static func json(in path: String) throws(CommandError) -> JSONValue {
        let bytes = try contents(of: path)
        guard let value = try? JSONValue(parsing: bytes) else { throw CommandError(.usage, "\(path) is no JSON.") }
        return value
    }

    private static func contents(of path: String) throws(CommandError) -> [UInt8] {
        do { return try Files.read(path) } catch { throw CommandError(.no, "\(error).") }
    }

    static func show(_ invocation: Invocation) async throws(CommandError) {
        let id = try invocation.arguments.operand(0, "ID")
        try await Installation.withWorkspace(invocation) { workspace async throws(CommandError) in
            let client = try await find(id, in: workspace)
            let object = json(client)
            let lines = (object.object?.members ?? []).filter { !$0.value.isNull }.map {
                "\($0.key): \($0.value.string ?? $0.value.text)"
            }
            invocation.output.object(object, text: lines.joined(separator: "\n"))
        }
    }

    static func approve(_ invocation: Invocation) async throws(CommandError) {
        let id = try invocation.arguments.operand(0, "ID")
        try await Installation.withWorkspace(invocation) { workspace async throws(CommandError) in
            var client = try await find(id, in: workspace)
            client.approvedAt = .now()
            try await workspace.recordCommand(Event("client.updated", client: client.id, details: [("approved", true)]))
            do throws(StoreError) {
                _ = try await workspace.approvals.setApproved(true, client: client.id, at: .now())
            } catch { throw CommandError(error) }
            invocation.output.object(json(client), text: "Approved \(client.name).")
        }
    }

    static func pin(_ invocation: Invocation) async throws(CommandError) {
        let url = try invocation.arguments.operand(0, "URL")
        let path = try invocation.arguments.operand(1, "FILE")
        let bytes = try contents(of: path)
        try await Installation.withWorkspace(invocation) { workspace async throws(CommandError) in
            let schemes = workspace.configuration.oauthSettings.redirectSchemes
            let client: Client
            do throws(MetadataFetchError) {
                client = try ClientResolver.pinned(bytes, url: url, redirectSchemes: schemes, at: .now())
            } catch { throw CommandError(.usage, "This document cannot be used: \(error.reason).") }
            try await workspace.recordCommand(Event("client.pinned", client: client.id))
            do throws(StoreError) { try await workspace.clients.upsert(client) } catch { throw CommandError(error) }
            invocation.output.object(json(client), text: "Pinned \(client.name). Its document is not fetched any more.")
        }
    }

    private static func find(_ id: String, in workspace: Workspace) async throws(CommandError) -> Client {
        let client: Client?
        do throws(StoreError) { client = try await workspace.clients.client(ClientID(id), at: .now()) } catch {
            throw CommandError(error)
        }
        guard let client else { throw CommandError(.no, "There is no client \"\(id)\". gatehouse client list shows all.") }
        return client
    }

    private static func printAdded(_ client: Client, _ secret: Secret?, _ output: Output) {
        var object = json(client).object ?? JSONObject()
        var text = "Client id: \(client.id.text)"
        if let secret {
            object["client_secret"] = .string(secret.exposeText())
            text += "\nClient secret: \(secret.exposeText())\nThe secret is not shown again."
        }
        output.object(.object(object), text: text)
    }

    private static func scopeLimit(_ invocation: Invocation) throws(CommandError) -> ScopeSet? {
        let words = invocation.arguments.all("--scope").flatMap { $0.split(separator: " ") }
        guard !words.isEmpty else { return nil }
        let scopes = words.compactMap { Scope($0) }
        guard scopes.count == words.count else { throw CommandError(.usage, "A scope looks like qarnot:execute.") }
        return ScopeSet(scopes)
    }

    static func list(_ invocation: Invocation) async throws(CommandError) {
        if invocation.has("--pending") { return try await listPending(invocation) }
        try await Installation.withWorkspace(invocation) { workspace async throws(CommandError) in
            let clients: [Client]
            do throws(StoreError) { clients = try await workspace.clients.clients() } catch { throw CommandError(error) }
            invocation.output.list(
                clients.map(json),
                columns: [
                    ("id", "client_id"), ("name", "client_name"), ("kind", "kind"), ("created", "created_at"),
                    ("last used", "last_used_at"),
                ],
                empty: "No clients are registered. Most register themselves when they connect.")
        }
    }

    static func remove(_ invocation: Invocation) async throws(CommandError) {
        let id = try invocation.arguments.operand(0, "ID")
        try await Installation.withWorkspace(invocation) { workspace async throws(CommandError) in
            if invocation.has("--dry-run") {
                let client: Client?
                do throws(StoreError) { client = try await workspace.clients.client(ClientID(id), at: .now()) } catch {
                    throw CommandError(error)
                }
                guard let client else { throw CommandError(.no, "There is no client \"\(id)\". gatehouse client list shows all.") }
                return invocation.output.object(
                    ["client_id": .string(id), "dry_run": true],
                    text: "Would remove \(Output.printable(client.name)) with its grants and tokens. Nothing was removed.")
            }
            try await workspace.recordCommand(Event("client.deleted", client: ClientID(id)))
            let wasThere: Bool
            do throws(StoreError) { wasThere = try await workspace.clients.remove(ClientID(id)) } catch {
                throw CommandError(error)
            }
            guard wasThere else { throw CommandError(.no, "There is no client \"\(id)\". gatehouse client list shows all.") }
            invocation.output.object(["client_id": .string(id)], text: "Removed the client; its tokens are revoked.")
        }
    }

    /// `client list --pending`: who waits for an administrator (CON-4).
    private static func listPending(_ invocation: Invocation) async throws(CommandError) {
        try await Installation.withWorkspace(invocation) { workspace async throws(CommandError) in
            let requests: [ClientRequest]
            do throws(StoreError) { requests = try await workspace.approvals.pending() } catch { throw CommandError(error) }
            invocation.output.list(
                requests.map { request in
                    [
                        "client_id": .string(request.client.id.text), "client_name": .string(request.client.name),
                        "kind": .string(request.client.kind.rawValue), "username": .string(request.username),
                        "redirect_host": .string(request.redirectHost), "scope": .string(request.scopes.description),
                        "asked_at": .string(request.askedAt.rfc3339),
                    ]
                },
                columns: [
                    ("id", "client_id"), ("name", "client_name"), ("asked by", "username"), ("goes to", "redirect_host"),
                    ("asked", "asked_at"),
                ], empty: "Nobody waits. Approve a client with gatehouse client approve ID.")
        }
    }

    private static func json(_ client: Client) -> JSONValue {
        [
            "client_id": .string(client.id.text), "client_name": .string(client.name), "kind": .string(client.kind.rawValue),
            "redirect_uris": .strings(client.redirectURIs),
            "token_endpoint_auth_method": .string(client.authenticationMethod.rawValue),
            "scope": .string(orNull: client.scopeLimit?.description), "created_at": .string(client.createdAt.rfc3339),
            "grant_types": .strings(client.grantTypes), "introspection": .bool(client.isIntrospector),
            "require_pushed_authorization_requests": .bool(client.requiresPushedRequests), "pinned": .bool(client.isPinned),
            "approved_at": .string(orNull: client.approvedAt?.rfc3339),
            "last_used_at": .string(orNull: client.lastUsedAt?.rfc3339), "expires_at": .string(orNull: client.expiresAt?.rfc3339),
        ]
    }
}
