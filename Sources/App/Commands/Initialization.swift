import Crypto
import Primitives
import Transport
import Vault

extension Command {
    /// `gatehouse init`
    static let initializing = [
        Command(
            path: ["init"], usage: "--public-url URL", summary: "Make the configuration and the root key of a new installation.",
            options: [
                Option("--public-url", "URL", "the https origin people will paste, such as https://gate.example.com"),
                Option("--listen", "ADDRESS", "where to listen (default 0.0.0.0:8443)"),
                Option("--certificate", "FILE", "PEM chain for that name, leaf first (default tls.crt beside the configuration)"),
                Option("--key", "FILE", "its private key (default tls.key beside the configuration)"),
                Option("--state-dir", "DIR", "for database and audit log (default --data-dir, else /var/lib/gatehouse)"),
            ]
        ) { invocation async throws(CommandError) in try Initialization.run(invocation) }
    ]
}

/// A new installation: one file to edit, one key to keep. Nothing that exists is ever written over.
enum Initialization {
    static func run(_ invocation: Invocation) throws(CommandError) {
        guard let url = invocation.value("--public-url") else {
            throw CommandError(.usage, "Say which origin people will paste: --public-url https://gate.example.com.")
        }
        let folder = invocation.value("--data-dir").map(Files.absolute)
        let path = Files.absolute(
            invocation.value("--config") ?? folder.map { $0 + "/gatehouse.yaml" } ?? "/etc/gatehouse/gatehouse.yaml")
        let place = String(path[..<(path.lastIndex(of: "/") ?? path.startIndex)])
        let state = Files.absolute(invocation.value("--state-dir") ?? folder ?? "/var/lib/gatehouse")
        guard !Files.exists(path) else {
            throw CommandError(.cannotCreate, "\(path) exists; nothing was changed. Edit it, or name another file with --config.")
        }
        let certificate = invocation.value("--certificate").map(Files.absolute) ?? place + "/tls.crt"
        let key = invocation.value("--key").map(Files.absolute) ?? place + "/tls.key"
        let text = configuration(
            url: url, listen: invocation.value("--listen") ?? "0.0.0.0:8443", certificate: certificate, key: key, place: place,
            state: state)
        do throws(ConfigurationLoader.Failure) { _ = try ConfigurationLoader(environment: [:]).load([text]) } catch {
            throw CommandError(.usage, error.problems.map(\.description).joined(separator: "; ") + ". Nothing was made.")
        }
        let file = RootKeyFile(place + "/root.key")
        do {
            try Files.createFolder(place)
            try Files.createFolder(state)
        } catch { throw CommandError(.cannotCreate, "\(error).") }
        if !Files.exists(file.path) {
            do { _ = try RootKey.create(at: file.path) } catch {
                throw CommandError(.cannotCreate, "The root key cannot be made: \(error).")
            }
        }
        do { try Files.write(text, to: path, mode: 0o600) } catch { throw CommandError(.cannotCreate, "\(error).") }
        report(path: path, key: file.path, certificate: certificate, url: url, invocation)
    }

    private static func report(path: String, key: String, certificate: String, url: String, _ invocation: Invocation) {
        let step = Files.exists(certificate) ? "" : "\n  put the certificate for \(url) at \(certificate) and its key beside it"
        invocation.output.object(
            ["status": "ok", "config_file": .string(path), "root_key_file": .string(key), "public_url": .string(url)],
            text: """
                Wrote \(path) and the root key \(key).

                Next:
                  copy the root key to a safe place: without it the database cannot be used\(step)
                  gatehouse config check \(path)
                  gatehouse user add NAME --role admin --config \(path)
                  gatehouse serve --config \(path)
                  gatehouse doctor --config \(path)
                """)
    }

    private static func configuration(
        url: String, listen: String, certificate: String, key: String, place: String, state: String
    ) -> String {
        func quoted(_ text: String) -> String { JSONValue.string(text).text }
        return """
            # Made by gatehouse init. gatehouse config schema and docs/configuration.md tell of every setting.
            server:
              public_url: \(quoted(url))
              listen: [\(quoted(listen))]
              admin_listen: 127.0.0.1:9443
              tls: { certificate: \(quoted(certificate)), key: \(quoted(key)) }
            storage: { url: \(quoted("sqlite://" + state + "/gatehouse.db")) }
            vault: { root_key: \(quoted("file:" + place + "/root.key")) }
            audit: { path: \(quoted(state + "/audit")), durability: strict }
            limits:
              # Everyone who uses Claude comes from these addresses.
              networks:
                - { cidr: 160.79.104.0/21, factor: 100 }
            engines:
              qarnot: { enabled: true, path: /mcp, api_url: https://api.qarnot.com }
            log: { level: info, format: json }

            """
    }
}
