import Audit
import CLinux
import Client
import Crypto
import Glibc
import HTTP
import OAuth
import Primitives
import Storage
import Vault

/// What can be looked at without the network: files, keys, clock, disk, log.
struct LocalChecks {
    let configuration: Configuration

    private static let soon = Duration.seconds(14 * 86_400)

    private var host: String { URLReference(configuration.server.publicURL)?.host ?? "" }

    /// The authority `gatehouse dev` made, when the certificate is one of its own.
    var developmentAuthority: String? {
        guard let certificate = configuration.server.certificate, let slash = certificate.lastIndex(of: "/") else { return nil }
        let file = certificate[..<slash] + "/ca.pem"
        return configuration.isLocalhost && Files.exists(String(file)) ? String(file) : nil
    }

    func run(_ list: inout CheckList) async {
        checkCertificate(&list)
        checkClock(&list)
        checkName(&list)
        checkDisks(&list)
        checkServer(&list)
        await checkStoreAndVault(&list)
        checkAudit(&list)
    }

    private func checkCertificate(_ list: inout CheckList) {
        let path = configuration.server.certificate ?? ""
        let chain: CertificateChain
        do { chain = try CertificateChain(pem: try Files.readText(path)) } catch {
            return list.add(
                "certificate", .failed, "\(path) cannot be read: \(error).", remedy: "Put the chain there, leaf first, in PEM.")
        }
        let leaf = chain.certificates[0]
        let now = Timestamp.now()
        guard leaf.begins <= now, now < leaf.ends else {
            return list.add(
                "certificate", .failed, "it is good from \(leaf.begins.rfc3339) to \(leaf.ends.rfc3339).",
                remedy: "Renew it, or set the clock right; then systemctl reload gatehouse.")
        }
        guard chain.covers(host) else {
            return list.add(
                "certificate", .failed, "it is not for \(host), the host of server.public_url.", remedy: "Get one for that name.")
        }
        guard let key = try? Files.readText(configuration.server.key ?? ""), chain.matches(key: Secret(key)) else {
            return list.add(
                "certificate", .failed, "the key at \(configuration.server.key ?? "") is not the certificate's.",
                remedy: "Put the pair there that was issued together.")
        }
        guard chain.isLinked else {
            return list.add(
                "certificate", .failed, "the chain's order is wrong: a certificate is not signed by the one after it.",
                remedy: "Put the leaf first, then each issuer in turn.")
        }
        let isSoon = leaf.ends - now < Self.soon
        list.add(
            "certificate", isSoon ? .warning : .ok,
            "for \(host) until \(leaf.ends.rfc3339), \(chain.certificates.count) in the chain",
            remedy: isSoon ? "Renew it within two weeks." : nil)
    }

    private func checkClock(_ list: inout CheckList) {
        switch gh_clock_is_synchronized() {
        case 1: list.add("clock", .ok, "the kernel says it is synchronized")
        case 0:
            list.add(
                "clock", .warning, "the kernel says it is not synchronized", remedy: "Start systemd-timesyncd or chrony.")
        default: list.add("clock", .skipped, "the kernel does not tell")
        }
    }

    private func checkName(_ list: inout CheckList) {
        let addresses = IPAddress(host).map { [$0] } ?? SystemResolver.systemAddresses(host)
        guard !addresses.isEmpty else {
            return list.add("name", .failed, "\(host) has no address.", remedy: "Add an A or AAAA record for it.")
        }
        list.add("name", .ok, "\(host) is " + addresses.prefix(4).map(\.description).joined(separator: ", "))
    }

    private func checkDisks(_ list: inout CheckList) {
        for (what, path) in [("database", configuration.databasePath), ("audit log", configuration.audit.path)] {
            guard let free = Files.freeBytes(at: path) else {
                list.add("disk of the \(what)", .failed, "\(path) is not to be had.", remedy: "Mount it, and see who owns it.")
                continue
            }
            let outcome: CheckList.Outcome = free < 1 << 20 ? .failed : free < 256 << 20 ? .warning : .ok
            list.add(
                "disk of the \(what)", outcome, "\(free >> 20) MiB free" + (outcome == .failed ? "." : ""),
                remedy: outcome == .ok ? nil : "Make room: without it tools that change something answer 503.")
        }
    }

    private func checkServer(_ list: inout CheckList) {
        if let process = Predecessor.runningServer(at: configuration.handoverPath) {
            list.add("server", .ok, "process \(process)")
        } else {
            list.add(
                "server", .failed, "no server runs on this database, or not as this user.",
                remedy: "Start it, and see why it ended: journalctl -u gatehouse.")
        }
    }

    private func checkStoreAndVault(_ list: inout CheckList) async {
        let file = DatabaseFile(path: configuration.databasePath)
        do throws(StoreError) {
            guard Files.exists(file.path) else { throw StoreError(.cannotWrite, "\(file.path) does not exist") }
            let schema = try file.schema()
            guard schema.isCurrent else {
                return list.add(
                    "database", .failed,
                    schema.isNewer ? "it belongs to a newer version." : "its tables are of an earlier version.",
                    remedy: schema.isNewer ? "Run that version." : "Run gatehouse db migrate with the server stopped.")
            }
            list.add("database", .ok, "tables at version \(schema.version), \(Files.size(file.path) >> 10) KiB")
        } catch {
            return list.add(
                "database", .failed, "\(error.message).", remedy: "Run this as the service's user; else restore the last backup.")
        }
        await checkVault(&list)
    }

    private func checkVault(_ list: inout CheckList) async {
        let keyFile = configuration.rootKeyFile
        do {
            let key = try keyFile.load()
            let database = try Database(path: configuration.databasePath, readers: 1, migrates: false)
            let vault = CredentialVault(
                rootKey: key, store: SQLiteVaultStore(database), replacements: { keyFile.candidates() })
            let fits = try await vault.opens(with: key)
            await database.close()
            if fits == false, !keyFile.hasNext {
                return list.add(
                    "vault key", .failed, "\(keyFile.path) is not the key this database was sealed with.",
                    remedy: "Put the right root key there; it is in none of the backups.")
            }
            list.add(
                "vault key", keyFile.hasNext ? .warning : .ok,
                keyFile.hasNext ? "a rekey began and did not end" : "\(key.id) opens the vault",
                remedy: keyFile.hasNext ? "Run gatehouse vault rekey." : nil)
        } catch {
            list.add("vault key", .failed, "\(error).", remedy: "See vault.root_key, and who owns the file.")
        }
    }

    private func checkAudit(_ list: inout CheckList) {
        do {
            let verdict = try AuditVerifier(folder: configuration.audit.path, headFile: configuration.auditHeadPath).verify()
            if case .ok(let count, _) = verdict {
                return list.add("audit log", .ok, "\(count) records, each linked to the one before")
            }
            list.add(
                "audit log", .failed, "it does not verify.",
                remedy: "gatehouse audit verify names the first bad record; keep a copy of all of it.")
        } catch { list.add("audit log", .failed, "\(error).", remedy: "See audit.path, and who owns it.") }
    }
}
