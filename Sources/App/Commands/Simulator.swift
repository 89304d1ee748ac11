import Glibc
import HTTP
import Logging
import Primitives
import QarnotSimulator
import Server
import Transport

extension Command {
    /// `gatehouse simulate …`
    static let simulators: [Command] = [
        Command(
            path: ["simulate", "qarnot"], usage: "[--token TOKEN=EMAIL…]",
            summary: "Simulate the Qarnot API and storage in memory.",
            options: [
                Option("--listen", "ADDRESS", "of the REST API (default 127.0.0.1:5001)"),
                Option("--storage-listen", "ADDRESS", "of the storage (default 127.0.0.1:5002)"),
                Option("--admin-listen", "ADDRESS", "of the controls (default 127.0.0.1:5003)"),
                Option(
                    "--token", "TOKEN=EMAIL",
                    "an account; may be repeated. For simulated accounts only: others see the command line"),
                Option("--frozen-clock", nil, "stop the tasks' clock; POST /clock of the controls moves it"),
                Option("--ready-file", "FILE", "write the addresses when ready"),
            ]
        ) { invocation async throws(CommandError) in try await SimulateCommand.qarnot(invocation) }
    ]
}

enum SimulateCommand {
    static func qarnot(_ invocation: Invocation) async throws(CommandError) {
        let accounts = try accounts(invocation)
        let simulator = try Simulator.start(
            accounts: accounts, listen: invocation.value("--listen") ?? "127.0.0.1:5001",
            storage: invocation.value("--storage-listen") ?? "127.0.0.1:5002",
            admin: invocation.value("--admin-listen") ?? "127.0.0.1:5003", isFrozen: invocation.has("--frozen-clock"))
        let report: JSONValue = [
            "pid": .int(getpid()), "qarnot_url": .string(simulator.restURL), "storage_url": .string(simulator.storageURL),
            "qarnot_admin_url": .string(simulator.adminURL),
        ]
        invocation.output.object(
            report, text: "REST     \(simulator.restURL)\nStorage  \(simulator.storageURL)\nAdmin    \(simulator.adminURL)")
        if let path = invocation.value("--ready-file") {
            do { try Files.write(report.text + "\n", to: path, mode: 0o600) } catch {
                throw CommandError(.cannotCreate, "\(error).")
            }
        }
        guard let signals = try? await SignalWatcher.install(on: simulator.loop) else {
            throw CommandError(.unavailable, "Signals cannot be watched.")
        }
        while let signal = await signals.next(), signal == .reload {}
        await simulator.stop()
    }

    private static func accounts(_ invocation: Invocation) throws(CommandError) -> [(Secret, String)] {
        var accounts: [(Secret, String)] = []
        for text in invocation.arguments.all("--token") {
            let parts = text.split(separator: "=", maxSplits: 1)
            guard parts.count == 2 else { throw CommandError(.usage, "--token takes TOKEN=EMAIL.") }
            accounts.append((Secret(String(parts[0])), String(parts[1])))
        }
        guard !accounts.isEmpty else { throw CommandError(.usage, "Give at least one account: --token TOKEN=EMAIL.") }
        return accounts
    }
}

/// A running Qarnot simulator on three loopback listeners.
struct Simulator: Sendable {
    private let server: HTTPServer
    /// Its own loop, so that it never takes time from the gateway's.
    let loop: EventLoop
    let restURL: String
    let storageURL: String
    let adminURL: String

    /// - Parameters:
    ///   - listen: address of the REST API; here and below nil takes a free loopback port.
    ///   - isFrozen: the tasks' clock stands still until the controls move it.
    ///   - demo: e-mail of the account that gets something to look at.
    static func start(
        accounts: [(Secret, String)], listen: String?, storage: String?, admin: String?, isFrozen: Bool = false,
        demo: String? = nil
    ) throws(CommandError) -> Simulator {
        let group = try Runtime.makeLoops(1)
        let qarnot = SimulatedQarnot(
            accounts: accounts.map { SimulatedQarnot.Account(token: $0.0, email: $0.1) }, sleeper: LoopSleeper(group: group))
        if isFrozen { qarnot.freezeClock() }
        if let demo { qarnot.addDemoContent(email: demo) }
        let server = HTTPServer(group: group, logger: Logger(level: .warning, format: .text))
        func listening(_ address: String?, _ responder: any Responder, _ option: String) throws(CommandError) -> String {
            var none = InheritedSockets()
            let sockets = try Runtime.bind(server, address ?? "127.0.0.1:0", option, &none)
            return "http://\(server.serve(sockets, tls: nil, responder: responder))"
        }
        let rest = try listening(listen, qarnot.rest, "--listen")
        let store = try listening(storage, qarnot.storage, "--storage-listen")
        let controls = try listening(admin, qarnot.admin, "--admin-listen")
        qarnot.announce(storageURL: store)
        return Simulator(server: server, loop: group.loops[0], restURL: rest, storageURL: store, adminURL: controls)
    }

    func stop() async { await server.drain(deadline: .seconds(1)) }
}
