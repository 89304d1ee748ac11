import Audit
import CLinux
import Glibc
import Primitives
import Transport

/// The program: finds the command, runs it, maps the outcome to an exit code (contract §6).
package enum CommandLineTool {
    /// - Parameter words: the arguments, program name first.
    package static func run(_ words: [String]) async -> Int32 {
        // Secrets in memory must not end in a core file or be read by another process of the same user (VLT-4).
        _ = gh_forbid_dumps()
        // A file that may not grow is an error of that write, which is answered; by default it would end the process.
        _ = signal(SIGXFSZ, SIG_IGN)
        RecordBuffers.install()
        do throws(CommandError) {
            try await dispatch(Array(words.dropFirst()))
            return 0
        } catch {
            Output.error(error.message)
            return error.code.rawValue
        }
    }

    private static func dispatch(_ words: [String]) async throws(CommandError) {
        guard let first = words.first, first != "--help", first != "-h", first != "help" else {
            return Output(isJSON: false).line(overview)
        }
        if first == SignerProcess.verb { return try AuditSignerCommand.run(Array(words.dropFirst())) }
        if first == "--version" { return try await dispatch(["version"]) }
        guard let command = find(words) else {
            let group = Command.all.filter { $0.path.first == first && $0.path.count > 1 }
            guard !group.isEmpty else {
                throw CommandError(.usage, "There is no command \"\(first)\". gatehouse --help lists all.")
            }
            if words.count == 1 || words[1] == "--help" || words[1] == "-h" {
                return Output(isJSON: false).line(overview(of: first))
            }
            throw CommandError(
                .usage, "gatehouse \(first) has no \"\(words[1])\"; it has \(group.map { $0.path[1] }.joined(separator: ", ")).")
        }
        let arguments = try Arguments(Array(words.dropFirst(command.path.count)), for: command)
        if arguments.has("--help") { return Output(isJSON: false).line(command.help) }
        try await command.run(
            Invocation(arguments: arguments, output: Output(isJSON: arguments.has("--json")), environment: environment))
    }

    private static func find(_ words: [String]) -> Command? {
        Command.all.first { words.count >= $0.path.count && Array(words[..<$0.path.count]) == $0.path }
    }

    /// What `gatehouse --help` shows.
    static var overview: String {
        "Gatehouse, the OAuth gateway for MCP.\n\nUsage: gatehouse COMMAND\n\n" + list(Command.all)
            + "\n\ngatehouse COMMAND --help tells more."
    }

    /// What `gatehouse user` shows.
    static func overview(of noun: String) -> String {
        "gatehouse \(noun):\n\n" + list(Command.all.filter { $0.path.first == noun && $0.path.count > 1 })
    }

    private static func list(_ commands: [Command]) -> String {
        let width = commands.map { $0.title.count }.max() ?? 0
        return commands.map { "  \($0.title)\(String(repeating: " ", count: width - $0.title.count + 2))\($0.summary)" }
            .joined(separator: "\n")
    }

    private static var environment: [String: String] {
        var out: [String: String] = [:]
        var entry = unsafe environ
        while let text = unsafe entry.pointee {
            let pair = unsafe String(cString: text).split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            if pair.count == 2 { out[String(pair[0])] = String(pair[1]) }
            unsafe entry += 1
        }
        return out
    }
}
