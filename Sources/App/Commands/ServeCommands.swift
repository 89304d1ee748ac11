import Logging
import Primitives

extension Command {
    /// `gatehouse serve` and `gatehouse dev`.
    static let serving: [Command] = [
        Command(
            path: ["serve"], usage: "[--config FILE] [--take-over]", summary: "Serve the gateway until SIGTERM.",
            options: [
                Option(
                    "--take-over", nil, "take the listening sockets of the server that runs, if one does; it drains and ends")
            ]
        ) { invocation async throws(CommandError) in try await ServeCommands.serve(invocation) },
        Command(
            path: ["dev"], usage: "[--listen ADDRESS]",
            summary: "Serve with everything embedded: CA, user, simulator. Nothing to configure.",
            options: [
                Option("--listen", "ADDRESS", "where to listen (default 127.0.0.1:8443; port 0 takes a free one)"),
                Option("--ready-file", "FILE", "write what a script needs to know when ready"),
            ]
        ) { invocation async throws(CommandError) in try await Development.run(invocation) },
    ]
}

enum ServeCommands {
    static func serve(_ invocation: Invocation) async throws(CommandError) {
        let path = Installation.configurationPath(invocation)
        let source: Runtime.Source = { () throws(CommandError) in
            try Installation.load(path, invocation.environment, checksFiles: true)
        }
        let runtime = try await Runtime.start(
            configuration: try source(), manager: ServiceManager(environment: invocation.environment),
            takesOver: invocation.has("--take-over"), source: source)
        await runtime.runUntilSignalled()
    }
}
