internal import CLinux
internal import Glibc

/// A signer as a child of this process: the same program again, with nothing of ours but one end of a socket pair.
package enum SignerProcess {
    /// The word by which the program knows that it is to be a signer.
    package static let verb = "audit-signer"

    /// Starts one. It ends by itself when the channel closes, this process gone included.
    /// - Throws: `.noSigner` when the system refuses.
    package static func start(keyPath: String) throws(AuditError) -> SignerChannel {
        let ends = try SignerChannel.pair()
        let process = try spawn(["gatehouse", verb, "--descriptor", "3", "--key", keyPath], passing: ends.theirs.number)
        return ends.channel { waitpid(process, nil, 0) }
    }

    private static func spawn(_ words: [String], passing descriptor: CInt) throws(AuditError) -> pid_t {
        var actions = unsafe posix_spawn_file_actions_t()
        unsafe posix_spawn_file_actions_init(&actions)
        defer { unsafe posix_spawn_file_actions_destroy(&actions) }
        unsafe posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        // By way of a number above those in use here: were it 3 already, it would stay close-on-exec.
        let high = fcntl(descriptor, F_DUPFD, 64)
        defer { close(high) }
        unsafe posix_spawn_file_actions_adddup2(&actions, high, 3)
        unsafe gh_spawn_close_from(&actions, 4)
        var arguments: [UnsafeMutablePointer<CChar>?] = unsafe words.map { unsafe strdup($0) } + [nil]
        // Where the program's libraries are, and nothing that could hold a secret.
        let kept = ["LD_LIBRARY_PATH", "PATH"].compactMap { (name: String) -> String? in
            unsafe getenv(name).map { unsafe "\(name)=\(String(cString: $0))" }
        }
        var environment: [UnsafeMutablePointer<CChar>?] = unsafe kept.map { unsafe strdup($0) } + [nil]
        defer { unsafe (arguments + environment).forEach { unsafe free($0) } }
        var process = pid_t()
        let code = unsafe posix_spawn(&process, "/proc/self/exe", &actions, nil, &arguments, &environment)
        guard high >= 0, code == 0 else {
            errno = code
            throw AuditError(.noSigner, SystemFailure.text("starting the signer"))
        }
        return process
    }
}
