import Audit
import Client
import Glibc
import HTTP
import Logging
import Primitives
import Synchronization

/// Joins the server with the process that holds the audit log's signing key (decision 0100).
final class AuditSigning: Sendable {
    private let first: Mutex<SignerChannel?>
    private let reach: @Sendable () throws(AuditError) -> SignerChannel

    private init(_ channel: SignerChannel, _ reach: @escaping @Sendable () throws(AuditError) -> SignerChannel) {
        first = Mutex(channel)
        self.reach = reach
    }

    /// Starts the signer, or reaches one that runs already.
    /// - Throws: 78, or 74 where its folder cannot be written, with what the signer has to say: a server does not begin without checkpoints.
    static func start(_ configuration: Configuration) throws(CommandError) -> AuditSigning {
        let (socket, keyPath) = (configuration.audit.signer, configuration.auditKeyPath)
        let reach: @Sendable () throws(AuditError) -> SignerChannel = { () throws(AuditError) in
            if let socket { try SignerChannel.connect(to: socket) } else { try SignerProcess.start(keyPath: keyPath) }
        }
        do throws(AuditError) {
            let channel = try reach()
            // One that serves another gateway until that one hands over to us has nothing to say yet.
            if socket == nil { try channel.awaitGreeting(atMost: .seconds(10)) }
            return AuditSigning(channel, reach)
        } catch {
            let folder = keyPath.split(separator: "/", omittingEmptySubsequences: false).dropLast().joined(separator: "/")
            let canWrite = unsafe access(folder.isEmpty ? "/" : folder, W_OK) == 0
            throw CommandError(
                socket != nil || canWrite ? .configuration : .cannotWrite,
                "Audit checkpoints cannot be signed: \(error.description). Check "
                    + (socket == nil ? "audit.signing_key." : "audit.signer and that the signer runs."))
        }
    }

    /// A URL that checkpoints are posted to; in clear on this machine alone.
    static func isPosted(_ witness: String) -> Bool {
        ["https://", "http://127.0.0.1:", "http://localhost:"].contains { witness.hasPrefix($0) }
    }

    private static func witnesses(_ configuration: Configuration) -> [Witness] {
        var settings = HTTPClient.Settings()
        settings.userAgent = "gatehouse/\(Version.current)"
        // Its thread is only there for who needs it.
        let client = configuration.audit.witnesses.contains(where: isPosted) ? HTTPClient(settings) : nil
        return configuration.audit.witnesses.compactMap { setting in
            guard let client, isPosted(setting) else { return Witness(setting) }
            return Witness(name: setting) { post($0, to: setting, client) }
        }
    }

    /// Blocks the thread of the witness. Any status of success is an arrival.
    private static func post(_ line: String, to url: String, _ client: HTTPClient) -> Bool {
        let request = OutboundRequest(
            .post, url, fields: [("Content-Type", "application/json")], body: Array(line.utf8), timeout: .seconds(10),
            maximumResponseBytes: 65_536)
        let answer = Monitor<Bool?>(nil)
        // Awaited by the line below.
        Task {
            let status = try? await client.send(request).status
            answer.update { $0 = status.map { (200...299).contains($0) } ?? false }
        }
        return answer.wait { $0 }
    }

    func keepCheckpoints(of log: AuditLog, _ configuration: Configuration, _ logger: Logger) {
        log.keepCheckpoints(
            CheckpointSettings(
                origin: (URLReference(configuration.server.publicURL)?.host ?? "gatehouse") + "/audit",
                interval: configuration.audit.checkpointInterval, records: configuration.audit.checkpointRecords,
                retention: configuration.audit.retention > .zero ? configuration.audit.retention : nil,
                witnesses: Self.witnesses(configuration),
                connect: { [self] () throws(AuditError) in
                    if let channel = first.withLock({ $0.take() }) { return channel }
                    return try reach()
                },
                report: { logger.error("audit checkpoint", [("error.message", .string($0))]) }))
    }
}
