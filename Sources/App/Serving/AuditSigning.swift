import Audit
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
    /// - Throws: 78 with what the signer has to say, when it cannot sign: a server does not begin without checkpoints.
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
            throw CommandError(
                .configuration,
                "Audit checkpoints cannot be signed: \(error.description). Check "
                    + (socket == nil ? "audit.signing_key." : "audit.signer and that the signer runs."))
        }
    }

    func keepCheckpoints(of log: AuditLog, _ configuration: Configuration, _ logger: Logger) {
        log.keepCheckpoints(
            CheckpointSettings(
                origin: (URLReference(configuration.server.publicURL)?.host ?? "gatehouse") + "/audit",
                interval: configuration.audit.checkpointInterval, records: configuration.audit.checkpointRecords,
                retention: configuration.audit.retention > .zero ? configuration.audit.retention : nil,
                connect: { [self] () throws(AuditError) in
                    if let channel = first.withLock({ $0.take() }) { return channel }
                    return try reach()
                },
                report: { logger.error("audit checkpoint", [("error.message", .string($0))]) }))
    }
}
