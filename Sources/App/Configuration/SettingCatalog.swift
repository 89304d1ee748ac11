/// Every scalar setting by its path: the source of the environment names and of `docs/configuration.md`.
enum SettingCatalog {
    struct Setting: Sendable {
        let path: String
        let defaultText: String
        let meaning: String

        /// `server.public_url` is `GATEHOUSE_SERVER_PUBLIC_URL`.
        var environmentName: String { "GATEHOUSE_" + path.uppercased().split(separator: ".").joined(separator: "_") }
    }

    /// Lists are written `a,b,c` in the environment.
    static func isList(_ name: String) -> Bool {
        [
            "listen", "trusted_proxies", "proxy_protocol", "allowed_origins", "redirect_schemes", "jwt_resources", "witnesses",
            "allow", "deny", "own_addresses",
        ]
        .contains(name)
    }

    static let settings: [Setting] = [
        Setting(
            path: "server.public_url", defaultText: "required",
            meaning: "Bare https origin: the issuer and the base of every URL emitted."),
        Setting(path: "server.listen", defaultText: "0.0.0.0:8443", meaning: "Addresses and ports of the TLS listeners."),
        Setting(
            path: "server.admin_listen", defaultText: "127.0.0.1:9443",
            meaning: "Loopback listener for health, readiness and metrics; null for none."),
        Setting(
            path: "server.tls.certificate", defaultText: "required",
            meaning: "PEM file of the certificate chain, leaf first. Read again on SIGHUP."),
        Setting(path: "server.tls.key", defaultText: "required", meaning: "PEM file of the private key. Read again on SIGHUP."),
        Setting(
            path: "server.tls.client_ca", defaultText: "null",
            meaning: "PEM file of the authorities whose client certificates are accepted."),
        Setting(
            path: "server.trusted_proxies", defaultText: "[]",
            meaning: "Address blocks whose forwarded client addresses are believed."),
        Setting(
            path: "server.own_addresses", defaultText: "[]",
            meaning:
                "Public addresses that lead to us and are on no interface of this machine, such as a balancer's: no document is "
                + "fetched from them."),
        Setting(
            path: "server.proxy_protocol", defaultText: "[]",
            meaning: "Those of server.listen whose connections begin with a PROXY protocol v2 header, from trusted proxies only."),
        Setting(
            path: "server.forwarded", defaultText: "x-forwarded-for",
            meaning: "The one field in which trusted proxies name the client: x-forwarded-for or forwarded (RFC 7239)."),
        Setting(
            path: "server.allowed_origins",
            defaultText: "https://claude.ai, https://claude.com, https://chatgpt.com, https://vscode.dev",
            meaning: "Browser origins allowed at the MCP endpoints beside our own."),
        Setting(path: "server.limits.body_bytes", defaultText: "4194304", meaning: "Largest body of an MCP request."),
        Setting(path: "server.limits.header_bytes", defaultText: "32768", meaning: "Largest header section."),
        Setting(path: "server.limits.connections", defaultText: "10000", meaning: "Connections held at once."),
        Setting(
            path: "server.limits.connections_per_address", defaultText: "1024",
            meaning: "Connections of one address, or one /64 of IPv6; trusted proxies have no such limit."),
        Setting(
            path: "server.limits.buffered_bytes", defaultText: "268435456",
            meaning: "Bytes of request bodies held at once in the process; beyond, requests with a body are answered 503."),
        Setting(path: "server.limits.handshake_timeout", defaultText: "10s", meaning: "Longest TLS handshake."),
        Setting(path: "server.limits.header_timeout", defaultText: "10s", meaning: "Longest wait for a complete header section."),
        Setting(path: "server.limits.body_idle_timeout", defaultText: "30s", meaning: "Longest pause within a body."),
        Setting(path: "server.limits.min_rate", defaultText: "240", meaning: "Bytes per second a body must keep."),
        Setting(path: "server.limits.idle_timeout", defaultText: "75s", meaning: "How long an idle connection is kept."),
        Setting(
            path: "server.limits.keep_alive", defaultText: "15s",
            meaning: "Longest silence of an event stream: then a comment line is sent and the credential is looked at again."),
        Setting(
            path: "server.drain.delay", defaultText: "0s",
            meaning: "On SIGTERM, how long `/ready` says 503 before listening ends, so that load balancers notice."),
        Setting(
            path: "server.drain.deadline", defaultText: "10s", meaning: "How long running requests may take to finish after that."),
        Setting(path: "server.loops", defaultText: "0", meaning: "Event loops; 0 means one per core."),
        Setting(path: "storage.url", defaultText: "sqlite:///var/lib/gatehouse/gatehouse.db", meaning: "The database."),
        Setting(
            path: "vault.root_key", defaultText: "file:/etc/gatehouse/root.key", meaning: "The root key, a file with mode 0400."),
        Setting(path: "oauth.registration", defaultText: "open", meaning: "Dynamic client registration: open, token or off."),
        Setting(
            path: "oauth.client_metadata_documents", defaultText: "on",
            meaning: "Whether client ids may be URLs of metadata documents."),
        Setting(
            path: "oauth.client_approval", defaultText: "off",
            meaning: "Whether clients nobody registered by hand wait until an administrator approves them."),
        Setting(
            path: "oauth.grants_end_with_key", defaultText: "off",
            meaning:
                "Whether removing a user's upstream key ends what applications were granted for that engine; otherwise calls answer "
                + "that the key is missing."),
        Setting(
            path: "oauth.client_hosts.allow", defaultText: "[]",
            meaning:
                "Hosts vouched for, such as `claude.ai` or `*.example.com`: clients from elsewhere get a warning on the consent page."
        ),
        Setting(
            path: "oauth.client_hosts.deny", defaultText: "[]",
            meaning: "Hosts no client may be from: of its document, or where its codes go. Stronger than `allow`."),
        Setting(
            path: "oauth.client_hosts.others", defaultText: "warn",
            meaning: "What happens to clients of other hosts: warn, or refuse. Clients registered by hand are never asked."),
        Setting(path: "oauth.access_token_lifetime", defaultText: "1h", meaning: "5 min to 24 h."),
        Setting(path: "oauth.refresh_token.idle", defaultText: "30d", meaning: "A refresh token unused this long ends."),
        Setting(path: "oauth.refresh_token.absolute", defaultText: "90d", meaning: "A grant ends this long after consent."),
        Setting(
            path: "oauth.refresh_token.grace", defaultText: "60s",
            meaning: "How long a replaced refresh token still yields its successor; 0s to 300s."),
        Setting(
            path: "oauth.jwt_resources", defaultText: "[]",
            meaning: "Engines whose access tokens are JWTs of at most 10 minutes (RFC 9068); others are opaque."),
        Setting(
            path: "oauth.redirect_schemes", defaultText: "cursor, vscode, vscode-insiders",
            meaning: "Private-use redirect schemes without a dot."),
        Setting(path: "login.attempts", defaultText: "5", meaning: "The failed attempt from which on the next has to wait."),
        Setting(
            path: "login.pepper", defaultText: "on",
            meaning: "Whether password hashes need a key of the vault too; changed hash by hash, at each user's next sign-in."),
        Setting(
            path: "login.breach_list", defaultText: "null",
            meaning: "File of SHA-1 digests of stolen passwords, `HEX:COUNT` a line in order (as Have I Been Pwned offers it); "
                + "what is in it is no new password here."),
        Setting(
            path: "login.require.viewer", defaultText: "1fa",
            meaning: "What viewers must sign in with before a client gets a token: 1fa, 2fa, or phr for a passkey."),
        Setting(path: "login.require.operator", defaultText: "1fa", meaning: "The same for operators."),
        Setting(path: "login.require.admin", defaultText: "1fa", meaning: "The same for administrators, and for /admin."),
        Setting(path: "login.argon2.memory_kib", defaultText: "65536", meaning: "Memory of one password hash."),
        Setting(path: "login.argon2.passes", defaultText: "3", meaning: "Passes of one password hash."),
        Setting(path: "login.argon2.lanes", defaultText: "1", meaning: "Lanes of one password hash."),
        Setting(
            path: "limits.dry_run", defaultText: "false",
            meaning: "Count rates without refusing by them; /metrics tells what would have been refused."),
        Setting(path: "limits.streams", defaultText: "32", meaning: "Listen streams one user may have open at once."),
        Setting(path: "audit.path", defaultText: "/var/lib/gatehouse/audit", meaning: "Folder of the audit log."),
        Setting(
            path: "audit.durability", defaultText: "strict",
            meaning: "strict: on disk before the answer leaves; batched: soon after."),
        Setting(
            path: "audit.pseudonyms", defaultText: "false",
            meaning: "Words stand for people's names in the log, so that `audit erase` can make their records nobody's."),
        Setting(path: "audit.rotate.bytes", defaultText: "268435456", meaning: "Bytes after which a new file is begun."),
        Setting(path: "audit.rotate.daily", defaultText: "on", meaning: "Whether each day (UTC) begins a new file."),
        Setting(
            path: "audit.retention", defaultText: "0s",
            meaning: "How long a file is kept after its last record, once a checkpoint covers it; 0s for ever."),
        Setting(path: "audit.checkpoint.interval", defaultText: "60s", meaning: "Between two signed checkpoints, records or not."),
        Setting(path: "audit.checkpoint.records", defaultText: "1024", meaning: "Records after which one is made earlier."),
        Setting(
            path: "audit.witnesses", defaultText: "[]",
            meaning: "Where checkpoints are kept as well: `syslog:unix:PATH`, `syslog:udp:HOST:PORT`, `syslog:tcp:HOST:PORT`, "
                + "`file:PATH` or an https URL they are posted to."),
        Setting(
            path: "audit.signing_key", defaultText: "null",
            meaning: "File of the key that signs checkpoints, made when missing; null is beside the database, as `.audit-key`."),
        Setting(
            path: "audit.signer", defaultText: "null",
            meaning: "Socket of a signer that runs as another user; null starts one with the server."),
        Setting(path: "engines.qarnot.enabled", defaultText: "true", meaning: "Whether the Qarnot tools are served."),
        Setting(path: "engines.qarnot.path", defaultText: "/mcp", meaning: "Path of its MCP endpoint."),
        Setting(path: "engines.qarnot.api_url", defaultText: "https://api.qarnot.com", meaning: "The Qarnot API."),
        Setting(path: "engines.qarnot.storage_url", defaultText: "null", meaning: "Its storage; null asks the API."),
        Setting(
            path: "confirm", defaultText: "off",
            meaning:
                "destructive: a tool that may destroy something asks the person first, and is refused where the client cannot ask."),
        Setting(path: "log.level", defaultText: "info", meaning: "debug, info, notice, warning or error."),
        Setting(path: "log.format", defaultText: "json", meaning: "json or text."),
        Setting(
            path: "traces.endpoint", defaultText: "null",
            meaning: "OTLP/HTTP address of a collector, such as http://127.0.0.1:4318/v1/traces; null sends no traces."),
        Setting(path: "traces.share", defaultText: "0.1", meaning: "Which part of all requests is traced, from 0 to 1."),
        Setting(
            path: "traces.authorization", defaultText: "null",
            meaning: "What the collector wants in the field Authorization: a reference such as credential:collector."),
    ]
}
