/// A place among the streams one user may have open. Given back when the last reference goes, so that a stream that never
/// came to be gives it back as well.
package final class StreamPlace: Sendable {
    private let release: @Sendable () -> Void

    package init(release: @escaping @Sendable () -> Void = {}) { self.release = release }

    deinit { release() }
}

/// The verdict on opening a stream.
package enum StreamAdmission: Sendable {
    /// Held as long as the stream is open.
    case admitted(StreamPlace)
    case refused(Refusal)
}
