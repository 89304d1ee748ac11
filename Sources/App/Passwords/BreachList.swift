import Crypto
import Glibc
import Primitives

/// Passwords known from breaches, as Have I Been Pwned publishes them for download: lines `SHA1-IN-HEX:COUNT`, in order of the
/// digest (PW-2). The file is searched where it lies: a few reads of 256 bytes, whatever its size.
struct BreachList: Sendable, Equatable {
    let path: String

    private static let window = 256
    private static let digits = 40

    /// - Throws: when the file cannot be read, or is not what it should be.
    func contains(_ password: Secret) throws(Files.Problem) -> Bool {
        let wanted = Array(Hex.encode(password.expose { SHA1.digest($0) }).uppercased().utf8)
        let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw Files.Problem(description: "\(path) cannot be read") }
        defer { close(descriptor) }
        var (low, high) = (0, Int(lseek(descriptor, 0, SEEK_END)))
        guard high > 0 else { throw Files.Problem(description: "\(path) is empty") }
        while low < high {  // halves each time, so it ends after as many reads as the size has bits
            let middle = low + (high - low) / 2
            guard let line = try line(atOrAfter: middle, descriptor), line.start < high else {
                high = middle
                continue
            }
            if line.digest == wanted { return true }
            if wanted.lexicographicallyPrecedes(line.digest) { high = middle } else { low = line.start + 1 }
        }
        return false
    }

    /// The first line that begins at or behind an offset; nil behind the last one.
    private func line(atOrAfter offset: Int, _ descriptor: Int32) throws(Files.Problem) -> (start: Int, digest: [UInt8])? {
        var start = offset
        if offset > 0 {
            let bytes = try read(descriptor, at: offset - 1)
            guard let end = bytes.firstIndex(of: UInt8(ascii: "\n")) else {
                guard bytes.count < Self.window else { throw malformed }
                return nil
            }
            start = offset + end
        }
        let bytes = try read(descriptor, at: start)
        guard !bytes.isEmpty else { return nil }
        let digest = bytes.prefix(Self.digits).map { $0 >= 0x61 && $0 <= 0x66 ? $0 - 0x20 : $0 }
        let isEnded = bytes.count == Self.digits || [UInt8(ascii: ":"), 0x0D, 0x0A].contains(bytes.dropFirst(Self.digits).first)
        guard digest.count == Self.digits, isEnded,
            digest.allSatisfy({ (0x30...0x39).contains($0) || (0x41...0x46).contains($0) })
        else { throw malformed }
        return (start, digest)
    }

    private var malformed: Files.Problem {
        Files.Problem(description: "\(path) is no list of SHA-1 digests, one a line and in order")
    }

    private func read(_ descriptor: Int32, at offset: Int) throws(Files.Problem) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: Self.window)
        var count = unsafe pread(descriptor, &bytes, bytes.count, off_t(offset))
        while count < 0, errno == EINTR { count = unsafe pread(descriptor, &bytes, bytes.count, off_t(offset)) }
        guard count >= 0 else { throw Files.Problem(description: "\(path) cannot be read") }
        return Array(bytes.prefix(count))
    }
}
