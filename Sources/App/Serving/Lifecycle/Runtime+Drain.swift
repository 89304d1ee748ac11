import Logging
import MCP
import Primitives
import Server

extension Runtime {
    /// Readiness turns red, then listening ends, then what runs may finish. Cancelling the task cuts everything at once.
    /// - Parameter isHandedOver: another process accepts from the same sockets already and is ready.
    func drain(isHandedOver: Bool) async {
        let settings = present.configuration.server
        logger.notice("draining", [("server.handed_over", .bool(isHandedOver))])
        shared.readiness.beginDraining()
        manager.notify("STOPPING=1\nSTATUS=Draining.")
        if isHandedOver {
            // Whoever asks for readiness should be told by the successor from now on.
            await adminServer.drain(deadline: .zero, keepsSockets: true)
        } else if settings.drainDelay > .zero {
            try? await shared.sleeper.sleep(for: settings.drainDelay)
        }
        shared.streams.closeQuietStreams()
        let streams = shared.streams
        await server.drain(deadline: settings.drainDeadline, keepsSockets: isHandedOver) { streams.endCalls() }
        await adminServer.drain(deadline: .zero)
    }
}
