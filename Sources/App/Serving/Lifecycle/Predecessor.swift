import Logging
import Primitives
import Synchronization
import Transport

/// The server that runs on the same database before this one, and its listening sockets.
final class Predecessor: Sendable {
    private static let patience = Duration.seconds(5)

    private let connection: LocalConnection
    private let sockets: Mutex<[ListeningSocket]>

    private init(_ connection: LocalConnection, _ sockets: [ListeningSocket]) {
        self.connection = connection
        self.sockets = Mutex(sockets)
    }

    /// What it listened on. Once: nobody else may keep a socket open that a drain means to close.
    func takeSockets() -> [ListeningSocket] {
        sockets.withLock { sockets in
            defer { sockets = [] }
            return sockets
        }
    }

    /// Asks at the path. Nil when nobody serves.
    /// - Throws: when somebody does and is not to be taken over: two servers on one database would add up their limits (decision
    ///   0009), and share a port without noticing.
    static func find(at path: String, takesOver: Bool) throws(CommandError) -> Predecessor? {
        let connection: LocalConnection
        do throws(SocketError) { connection = try LocalConnection.connect(to: path, patience: patience) } catch { return nil }
        guard connection.isTrusted else {
            throw CommandError(.notPermitted, "The server at \(path) runs as another user. Run this as the same one.")
        }
        do throws(SocketError) {
            guard takesOver else {
                try connection.send(HandoverWord.who)
                guard try connection.receive() != nil else { return nil }
                throw SocketError(.bind)
            }
            return Predecessor(connection, try requestSockets(connection))
        } catch {
            throw CommandError(
                .unavailable,
                takesOver
                    ? "The running server (process \(connection.peerID)) did not hand over its sockets: \(error). It serves on."
                    : "A server (process \(connection.peerID)) serves this database already. Stop it first, or start with --take-over."
            )
        }
    }

    /// The process id of the server that runs on the database, for commands that must not work beside one; nil when none does.
    static func runningServer(at path: String) -> Int? {
        guard let connection = try? LocalConnection.connect(to: path, patience: patience) else { return nil }
        guard connection.isTrusted else { return connection.peerID }
        do throws(SocketError) {
            try connection.send(HandoverWord.who)
            return try connection.receive() == nil ? nil : connection.peerID
        } catch { return connection.peerID }
    }

    private static func requestSockets(_ connection: LocalConnection) throws(SocketError) -> [ListeningSocket] {
        try connection.send(HandoverWord.takeOver)
        var sockets: [ListeningSocket] = []
        while let (message, part) = try connection.receive() {
            sockets += part
            if message == HandoverWord.end { return sockets }
        }
        throw SocketError(.closed)
    }

    /// Tells it that connections are accepted here, upon which it drains.
    func dismiss(_ logger: Logger) {
        do throws(SocketError) {
            try connection.send(HandoverWord.taken)
            _ = try connection.receive()
            logger.notice("took over", [("process.id", .int(connection.peerID))])
        } catch {
            logger.warning("the former server ended before it could be told to", [("error.message", .text(error))])
        }
    }
}
