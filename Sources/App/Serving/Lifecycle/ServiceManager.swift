import Glibc
import HTTP
import Primitives
import Server
import Synchronization
import Transport

/// What systemd tells a service in its environment, and what it wants to be told: sd_listen_fds(3), sd_notify(3). Outside of
/// systemd nothing is there, and nothing happens.
final class ServiceManager: Sendable {
    private let notifyPath: String?
    /// The first passed descriptor is 3, by the protocol.
    private let descriptors: Range<CInt>
    private let names: [String]
    private let watchdogInterval: Duration?
    private let endpoints = Mutex<[Endpoint]>([])

    init(environment: [String: String]) {
        notifyPath = environment["NOTIFY_SOCKET"]
        let isForUs = environment["LISTEN_PID"].flatMap { CInt($0) } == getpid()
        let count = isForUs ? environment["LISTEN_FDS"].flatMap { CInt($0) } ?? 0 : 0
        descriptors = 3..<3 + max(0, min(count, 1024))
        names = (environment["LISTEN_FDNAMES"] ?? "").split(separator: ":", omittingEmptySubsequences: false).map(String.init)
        let isWatched = environment["WATCHDOG_PID"].map { CInt($0) == getpid() } ?? true
        watchdogInterval =
            isWatched ? environment["WATCHDOG_USEC"].flatMap { Int64($0) }.map { .microseconds(max(1, $0)) } : nil
    }

    /// The sockets the manager listens on for us. Once: each call would adopt the same descriptors again.
    func activatedSockets() throws(CommandError) -> [ListeningSocket] {
        var sockets: [ListeningSocket] = []
        for descriptor in descriptors {
            do throws(SocketError) { sockets.append(try ListeningSocket(adopting: descriptor)) } catch {
                let index = Int(descriptor - 3)
                throw CommandError(
                    .configuration,
                    "Socket \(index < names.count ? names[index] : "\(descriptor)") of the service manager cannot be used: \(error). "
                        + "It must be a ListenStream of an IP address and port.")
            }
        }
        endpoints.withLock { $0 = sockets.map(\.endpoint) }
        return sockets
    }

    /// Where the manager listens for us.
    var activatedEndpoints: [Endpoint] { endpoints.withLock { $0 } }

    /// Sends states, one a line, such as `READY=1`.
    func notify(_ states: String) {
        if let notifyPath { LocalDatagram.send(states, to: notifyPath) }
    }

    /// Says `WATCHDOG=1` twice an interval for as long as every loop answers; nil when nobody watches. Cancelled by the caller.
    func watchdog(over group: EventLoopGroup, sleeper: LoopSleeper) -> Task<Void, Never>? {
        guard let watchdogInterval, notifyPath != nil else { return nil }
        return Task {
            while (try? await sleeper.sleep(for: watchdogInterval / 2)) != nil {
                for context in group.contexts { await Self.visit(context) }
                notify("WATCHDOG=1")
            }
        }
    }

    /// Returns once the loop has run this.
    private static func visit(_ context: isolated LoopContext) {}
}
