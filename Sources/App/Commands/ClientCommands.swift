import Crypto
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
            ]
        ) { invocation async throws(CommandError) in try await ClientCommands.add(invocation) },
        Command(path: ["client", "list"], usage: "", summary: "List clients.") { invocation async throws(CommandError) in
            try await ClientCommands.list(invocation)
        },
        Command(
            path: ["client", "remove"], usage: "ID", summary: "Remove a client with all its grants and tokens.",
            options: [Option("--yes", nil, "accepted for scripts; nothing is asked")]
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
        guard !redirects.isEmpty else { throw CommandError(.usage, "Say where codes may go: --redirect URI.") }
        let limit = try scopeLimit(invocation)
        try await Installation.withWorkspace(invocation) { workspace async throws(CommandError) in
            let schemes = workspace.configuration.oauthSettings.redirectSchemes
            for uri in redirects where !RedirectURI.isAcceptable(uri, schemes: schemes) {
                throw CommandError(
                    .usage, "\(uri) is no acceptable redirect URI: use https, or http for localhost, without a fragment.")
            }
            let secret = invocation.has("--confidential") ? TokenFormat.mint(.clientSecret) : nil
            let client = Client(
                id: ClientID("cli-" + Random.text(22)), kind: .preregistered, name: name, redirectURIs: redirects,
                authenticationMethod: secret == nil ? .none : .post, secretDigest: secret.map { workspace.hasher.digest(of: $0) },
                grantTypes: ["authorization_code", "refresh_token"], scopeLimit: limit, createdAt: .now())
            try await workspace.recordCommand(Event("client.registered", client: client.id, details: [("kind", "preregistered")]))
            do throws(StoreError) { try await workspace.clients.insert(client) } catch { throw CommandError(error) }
            printAdded(client, secret, invocation.output)
        }
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
            try await workspace.recordCommand(Event("client.deleted", client: ClientID(id)))
            let wasThere: Bool
            do throws(StoreError) { wasThere = try await workspace.clients.remove(ClientID(id)) } catch {
                throw CommandError(error)
            }
            guard wasThere else { throw CommandError(.no, "There is no client \"\(id)\". gatehouse client list shows all.") }
            invocation.output.object(["client_id": .string(id)], text: "Removed the client; its tokens are revoked.")
        }
    }

    private static func json(_ client: Client) -> JSONValue {
        [
            "client_id": .string(client.id.text), "client_name": .string(client.name), "kind": .string(client.kind.rawValue),
            "redirect_uris": .strings(client.redirectURIs),
            "token_endpoint_auth_method": .string(client.authenticationMethod.rawValue),
            "scope": .string(orNull: client.scopeLimit?.description), "created_at": .string(client.createdAt.rfc3339),
            "last_used_at": .string(orNull: client.lastUsedAt?.rfc3339), "expires_at": .string(orNull: client.expiresAt?.rfc3339),
        ]
    }
}
