import Glibc
import Primitives

/// Takes secrets from a prompt or from standard input; never from the command line, where every process could read them.
enum SecretInput {
    static let maximumBytes = 4096

    /// The first line of standard input.
    static func line() throws(CommandError) -> Secret {
        var bytes: [UInt8] = []
        var byte: UInt8 = 0
        while unsafe read(STDIN_FILENO, &byte, 1) == 1, byte != 0x0A {
            bytes.append(byte)
            guard bytes.count <= maximumBytes else {
                throw CommandError(.usage, "The secret on standard input is longer than 4 KiB.")
            }
        }
        if bytes.last == 0x0D { bytes.removeLast() }
        guard !bytes.isEmpty else {
            throw CommandError(.usage, "Nothing came on standard input; pipe the secret into this command.")
        }
        return Secret(bytes)
    }

    /// Asks at the terminal without echo.
    static func prompt(_ question: String) throws(CommandError) -> Secret {
        guard isatty(STDIN_FILENO) == 1 else {
            throw CommandError(
                .usage, "There is no terminal to ask at; pipe the secret in and say so with --stdin or --password-stdin.")
        }
        var saved = termios()
        unsafe tcgetattr(STDIN_FILENO, &saved)
        var quiet = saved
        quiet.c_lflag &= ~tcflag_t(ECHO)
        unsafe tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet)
        defer {
            unsafe tcsetattr(STDIN_FILENO, TCSAFLUSH, &saved)
            unsafe write(STDERR_FILENO, "\n", 1)
        }
        let bytes = Array((question + ": ").utf8)
        unsafe write(STDERR_FILENO, bytes, bytes.count)
        return try line()
    }

    /// From standard input when the switch says so, else asked twice at the terminal.
    static func newPassword(fromStandardInput: Bool) throws(CommandError) -> Secret {
        if fromStandardInput { return try line() }
        let first = try prompt("New password")
        let again = try prompt("Once more")
        guard first.expose({ a in again.expose { $0 == a } }) else {
            throw CommandError(.usage, "The two passwords differ; nothing was changed.")
        }
        return first
    }
}
