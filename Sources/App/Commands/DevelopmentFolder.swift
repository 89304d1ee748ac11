import Crypto
import Primitives
import Transport
import Vault

/// The files of a development installation, each made once.
struct DevelopmentFolder: Sendable {
    let path: String

    var authority: String { path + "/ca.pem" }
    var configuration: String { path + "/gatehouse.yaml" }
    var rootKey: String { path + "/root.key" }
    /// What the demo account's password and key are derived from, so that both outlive a `vault rekey`.
    var demoKey: String { Files.exists(demoKeyFile) ? demoKeyFile : rootKey }
    private var demoKeyFile: String { path + "/demo.key" }
    private var authorityKey: String { path + "/ca.key" }
    private var certificate: String { path + "/tls.crt" }
    private var key: String { path + "/tls.key" }
    private var portFile: String { path + "/port" }

    func prepare() throws(CommandError) {
        do {
            try Files.createFolder(path)
            if !Files.exists(certificate) || !Files.exists(authority) { try makeCertificates() }
        } catch { throw CommandError(.cannotCreate, "\(error).") }
        guard !Files.exists(rootKey) else { return }
        do {
            if !Files.exists(demoKeyFile) { _ = try RootKey.create(at: demoKeyFile) }
            _ = try RootKey.create(at: rootKey)
        } catch {
            throw CommandError(.cannotCreate, "The root key cannot be made: \(error).")
        }
    }

    /// The leaf goes last: without it the next start makes everything again.
    private func makeCertificates() throws {
        let made = try CertificateAuthority.make(named: "Gatehouse development CA")
        let leaf = try made.issue()
        try Files.write(made.identity.key.exposeText(), to: authorityKey, mode: 0o400)
        try Files.write(leaf.key.exposeText(), to: key, mode: 0o400)
        try Files.write(made.identity.certificate, to: authority, mode: 0o644)
        try Files.write(leaf.certificate, to: certificate, mode: 0o644)
    }

    /// The port of the last start with port 0.
    var rememberedPort: UInt16? {
        (try? Files.readText(portFile)).flatMap { UInt16($0.split(separator: "\n").first ?? "") }
    }

    func remember(_ port: UInt16) { try? Files.write("\(port)\n", to: portFile, mode: 0o600) }

    /// What `dev` sets; an overlay may change any of it. Address limits are those of one developer's machine, where every
    /// client shares the loopback address.
    func baseConfiguration(_ ports: DevelopmentPorts, _ simulator: Simulator) -> String {
        """
        server:
          public_url: https://localhost:\(ports.gateway.port)
          listen: ["\(ports.gateway)"]
          admin_listen: "127.0.0.1:\(ports.admin)"
          tls: { certificate: "\(certificate)", key: "\(key)" }
        storage: { url: "sqlite://\(path)/gatehouse.db" }
        vault: { root_key: "file:\(rootKey)" }
        audit: { path: "\(path)/audit" }
        engines:
          qarnot: { path: /mcp, api_url: "\(simulator.restURL)", storage_url: "\(simulator.storageURL)" }
        limits:
          address: { rate: 60000, window: 1m, burst: 10000 }
          endpoints:
            authorize: { rate: 6000, window: 1m, burst: 2000 }
            login: { rate: 6000, window: 1m, burst: 1000 }
            register: { rate: 6000, window: 1m, burst: 1000 }
            token: { rate: 6000, window: 1m, burst: 2000 }
            unauthenticated: { rate: 6000, window: 1m, burst: 2000 }
        log: { level: notice, format: text }

        """
    }
}

/// Where a development gateway listens.
struct DevelopmentPorts: Sendable {
    let gateway: Endpoint
    let admin: UInt16

    static let defaultAdmin: UInt16 = 9443

    /// Port 0 takes the port of last time when it is free, else any (contract §9).
    static func choose(listen: String, folder: DevelopmentFolder) throws(CommandError) -> DevelopmentPorts {
        let text = listen.hasPrefix("localhost:") ? "127.0.0.1:" + listen.dropFirst("localhost:".count) : listen
        guard let asked = Endpoint(text) else {
            throw CommandError(.usage, "--listen takes an address and port such as 127.0.0.1:8443.")
        }
        let loopback = Endpoint("127.0.0.1:0")?.address ?? asked.address
        guard asked.port == 0 else { return DevelopmentPorts(gateway: asked, admin: try port(defaultAdmin, on: loopback)) }
        // Both are held until both are chosen, or the second could be the first.
        let held = [try hold(asked.address), try hold(loopback)]
        var chosen = held[0].endpoint.port
        if let remembered = folder.rememberedPort, PortProbe.isFree(Endpoint(asked.address, port: remembered)) {
            chosen = remembered
        }
        folder.remember(chosen)
        return DevelopmentPorts(gateway: Endpoint(asked.address, port: chosen), admin: held[1].endpoint.port)
    }

    /// The wished port when it can be listened on right now, else any free one.
    private static func port(_ wish: UInt16, on address: IPAddress) throws(CommandError) -> UInt16 {
        if PortProbe.isFree(Endpoint(address, port: wish)) { return wish }
        return try hold(address).endpoint.port
    }

    /// A free port, taken until the socket is let go.
    private static func hold(_ address: IPAddress) throws(CommandError) -> ListeningSocket {
        do { return try ListeningSocket(Endpoint(address, port: 0)) } catch {
            throw CommandError(.unavailable, "There is no free port: \(error).")
        }
    }
}
