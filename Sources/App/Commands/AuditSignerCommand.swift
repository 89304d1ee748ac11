import Audit
import Glibc
import Primitives

/// The process that holds the signing key: `gatehouse audit-signer`. Started by the server itself, or by a service manager as
/// another user. Not among the commands of help: nobody types it.
enum AuditSignerCommand {
    private static let command = Command(
        path: [SignerProcess.verb], usage: "--key FILE (--listen PATH --user NAME | --descriptor N)",
        summary: "Sign audit checkpoints.",
        options: [
            .init("--key", "FILE", "the key, made when missing"), .init("--listen", "PATH", "a socket to wait at"),
            .init("--user", "NAME", "who may connect"), .init("--descriptor", "N", "a socket to serve"),
        ], run: { _ in })

    static func run(_ words: [String]) throws(CommandError) {
        let arguments = try Arguments(words, for: command)
        guard let key = arguments.value("--key") else { throw CommandError(.usage, command.help) }
        do throws(AuditError) {
            if let number = arguments.value("--descriptor").flatMap({ CInt($0) }) {
                // A signal to the group is for the gateway, which still wants a last checkpoint: the closed socket is what ends us.
                for number in [SIGINT, SIGTERM, SIGHUP] { signal(number, SIG_IGN) }
                try SignerService.run(descriptor: number, keyPath: key)
            } else if let path = arguments.value("--listen"), let user = arguments.value("--user").flatMap(userID) {
                try SignerService.listen(path: path, user: user, keyPath: key)
            } else {
                throw AuditError(.noSigner, "it needs --listen and the --user who may connect")
            }
        } catch { throw CommandError(.configuration, "The audit signer cannot work: \(error.description).") }
    }

    /// A number, or a name of the system.
    private static func userID(_ name: String) -> UInt32? {
        if let number = UInt32(name) { return number }
        return unsafe getpwnam(name)?.pointee.pw_uid
    }
}
