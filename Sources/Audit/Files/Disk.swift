internal import Glibc

/// The writing calls of the system, so that tests can have a full or slow disk.
struct Disk: Sendable {
    /// Writes from the index on at the offset: bytes written, or a negated errno.
    var write: @Sendable (_ descriptor: CInt, _ bytes: [UInt8], _ from: Int, _ offset: Int) -> Int
    /// Brings data and size to the disk: 0, or an errno.
    var sync: @Sendable (_ descriptor: CInt) -> CInt

    static let system = Disk(
        write: { descriptor, bytes, from, offset in
            unsafe bytes.withUnsafeBytes { buffer in
                guard let base = buffer.baseAddress else { return 0 }
                let written = unsafe pwrite(descriptor, base + from, buffer.count - from, off_t(offset))
                return written < 0 ? -Int(errno) : written
            }
        },
        sync: { fdatasync($0) == 0 ? 0 : errno })

    /// Writes all bytes at the offset.
    func writeAll(_ bytes: [UInt8], at offset: Int, to descriptor: borrowing Descriptor) throws(AuditError) {
        var done = 0
        while done < bytes.count {
            let written = write(descriptor.number, bytes, done, offset + done)
            if written == -Int(EINTR) { continue }
            guard written > 0 else { throw Self.failure("writing", written == 0 ? ENOSPC : CInt(-written)) }
            done += written
        }
    }

    func synchronize(_ descriptor: borrowing Descriptor) throws(AuditError) {
        let code = sync(descriptor.number)
        if code != 0 { throw Self.failure("fdatasync", code) }
    }

    private static func failure(_ what: String, _ code: CInt) -> AuditError {
        errno = code
        return AuditError(.cannotWrite, SystemFailure.text(what))
    }
}
