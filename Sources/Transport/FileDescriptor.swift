internal import Glibc

/// An open descriptor with one owner; closes itself.
struct FileDescriptor: ~Copyable, Sendable {
    let raw: CInt

    init(_ raw: CInt) { self.raw = raw }

    deinit { Glibc.close(raw) }

    /// Hands the duty to close over to the caller.
    consuming func release() -> CInt {
        let raw = raw
        discard self
        return raw
    }
}
