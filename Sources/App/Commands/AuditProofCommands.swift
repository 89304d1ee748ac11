import Audit
import Crypto
import Primitives

/// The log a command reads: the server's own, or a copy somewhere.
struct AuditSource {
    let folder: String
    /// Nil for a copy.
    let head: String?
    /// The one named; else the server's own, if it has one yet.
    let publicKey: Ed25519PublicKey?

    init(_ invocation: Invocation) throws(CommandError) {
        let configuration: Configuration? = invocation.value("--folder") == nil ? try Installation.load(invocation) : nil
        folder = invocation.value("--folder") ?? configuration?.audit.path ?? ""
        head = configuration?.auditHeadPath
        if let path = invocation.value("--public-key") {
            publicKey = try Self.readKey(path)
        } else if let path = configuration?.auditPublicKeyPath, Files.exists(path) {
            publicKey = try Self.readKey(path)
        } else {
            publicKey = nil
        }
    }

    static func readKey(_ path: String) throws(CommandError) -> Ed25519PublicKey {
        let bytes: [UInt8]
        do { bytes = try Files.read(path) } catch { throw CommandError(.unavailable, "\(error).") }
        guard let key = try? Ed25519PublicKey(pem: bytes) else {
            throw CommandError(.usage, "\(path) is no public key. Name the .pub file that the signer writes beside its key.")
        }
        return key
    }
}

/// `gatehouse audit prove`.
enum AuditProofCommands {
    static func prove(_ invocation: Invocation) async throws(CommandError) {
        if let path = invocation.value("--check") { return try check(path, invocation) }
        let word = try invocation.arguments.operand(0, "The number of a record")
        guard let sequence = Int(word), sequence > 0 else {
            throw CommandError(.usage, "\"\(word)\" is no number of a record, such as audit search shows first.")
        }
        let source = try AuditSource(invocation)
        let proof: AuditProof?
        do { proof = try AuditProver(folder: source.folder).proof(of: sequence) } catch {
            throw CommandError(.unavailable, "The audit log cannot be read: \(error).")
        }
        guard let proof else {
            throw CommandError(
                .no, "There is no record \(sequence), or no checkpoint covers it yet; the server makes one every minute.")
        }
        invocation.output.line(proof.json.text)
    }

    private static func check(_ path: String, _ invocation: Invocation) throws(CommandError) {
        guard let keyPath = invocation.value("--public-key") else { throw CommandError(.usage, "--check needs --public-key FILE.") }
        let key = try AuditSource.readKey(keyPath)
        let text: String
        do { text = try Files.readText(path == "-" ? "/dev/stdin" : path) } catch { throw CommandError(.unavailable, "\(error).") }
        guard let proof = (try? JSONValue(parsing: text)).flatMap({ AuditProof($0) }) else {
            throw CommandError(.usage, "\(path) is no proof of gatehouse audit prove.")
        }
        let verdict = proof.verdict(key)
        guard verdict == .ok else {
            throw AuditCommands.failed("The proof does not hold: \(verdict.rawValue).", invocation.output)
        }
        let checkpoint = proof.checkpoint
        invocation.output.object(
            [
                "status": "ok", "seq": .int(proof.sequence), "origin": .string(checkpoint.origin), "size": .int(checkpoint.size),
                "signed_at": .string(checkpoint.time.rfc3339), "record": .string(proof.line),
            ],
            text: "ok: record \(proof.sequence) is in the log of \(checkpoint.origin), signed at \(checkpoint.time.rfc3339)")
    }
}
