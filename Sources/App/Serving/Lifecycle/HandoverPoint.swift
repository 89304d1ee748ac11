import Logging
import Primitives
import Synchronization
import Transport

/// What two servers of one database say to each other when one takes over from the other. Over a socket beside the database,
/// which is readable by the service's user alone; the kernel tells who is at the other end, and others are turned away.
enum HandoverWord {
    /// Asks whether anybody serves.
    static let who = "gatehouse 1 who"
    static let serving = "gatehouse 1 serving"
    /// Asks for the listening sockets; messages with sockets follow, then `end`.
    static let takeOver = "gatehouse 1 take-over"
    static let sockets = "gatehouse 1 sockets"
    static let end = "gatehouse 1 end"
    /// The successor accepts connections; the other side drains upon it.
    static let taken = "gatehouse 1 taken"
    static let draining = "gatehouse 1 draining"
}

/// Hands the listening sockets of a running server to the process that asks for them.
final class HandoverPoint: Sendable {
    /// How long a successor may take from getting the sockets to accepting from them. Nothing waits for it meanwhile.
    private static let patience = Duration.seconds(60)

    private let listener: LocalListener
    private let logger: Logger
    private let offer: @Sendable () -> [[ListeningSocket]]
    private let successor = Mutex<Int?>(nil)

    /// Nil when the path cannot be had; the server runs all the same, and cannot be taken over.
    init?(at path: String, logger: Logger, offer: @escaping @Sendable () -> [[ListeningSocket]]) {
        do throws(SocketError) { listener = try LocalListener(path: path) } catch {
            logger.warning("this server cannot be taken over", [("error.message", .text(error))])
            return nil
        }
        self.logger = logger
        self.offer = offer
    }

    /// Answers on a thread of its own until stopped.
    /// - Parameter whenTaken: called once, when a successor accepts connections.
    func start(whenTaken: @escaping @Sendable () -> Void) {
        startThread { [self] in
            while let connection = listener.accept(patience: Self.patience) {
                do throws(SocketError) {
                    guard try answer(connection) else { continue }
                    return whenTaken()
                } catch { logger.warning("a take-over came to nothing", [("error.message", .text(error))]) }
            }
        }
    }

    /// Answers no longer. The process id of the successor, when there is one.
    func stop() -> Int? {
        listener.close()
        let successor = successor.withLock { $0 }
        if successor == nil { listener.removePath() }
        return successor
    }

    /// True when the other side has taken over.
    private func answer(_ connection: LocalConnection) throws(SocketError) -> Bool {
        guard connection.isTrusted else {
            logger.warning("another user asked for the listening sockets", [("process.id", .int(connection.peerID))])
            return false
        }
        guard let request = try connection.receive()?.message else { return false }
        if request == HandoverWord.who { try connection.send(HandoverWord.serving) }
        guard request == HandoverWord.takeOver else { return false }
        for sockets in offer() {
            for start in stride(from: 0, to: sockets.count, by: 64) {
                try connection.send(HandoverWord.sockets, Array(sockets[start..<min(start + 64, sockets.count)]))
            }
        }
        try connection.send(HandoverWord.end)
        logger.notice("listening sockets handed over", [("process.id", .int(connection.peerID))])
        guard try connection.receive()?.message == HandoverWord.taken else {
            logger.notice("the successor did not start; serving goes on", [("process.id", .int(connection.peerID))])
            return false
        }
        successor.withLock { $0 = connection.peerID }
        try connection.send(HandoverWord.draining)
        return true
    }
}
