internal import Glibc
package import Primitives
internal import Synchronization

/// Writes one line per event: a message known at compile time, and metadata under dotted lower-case keys.
/// `error` means wake someone, `warning` look into it, `notice` a change of state, `debug` one line per request.
package struct Logger: Sendable {
    package enum Level: String, Sendable, Comparable, CaseIterable {
        case debug, info, notice, warning, error

        package static func < (a: Level, b: Level) -> Bool { a.rank < b.rank }

        fileprivate var rank: Int {
            switch self {
            case .debug: 0
            case .info: 1
            case .notice: 2
            case .warning: 3
            case .error: 4
            }
        }
    }

    package enum Format: String, Sendable, CaseIterable {
        /// One JSON object a line, for machines.
        case json
        /// `time level message key=value`, for people.
        case text
    }

    package typealias Metadata = [(String, LogValue)]
    /// Takes a finished line, line feed included. Called from any thread.
    package typealias Sink = @Sendable ([UInt8]) -> Void

    /// What may change while the logger and its copies are in use.
    private final class Threshold: Sendable {
        let level: Atomic<Int>
        let isJSON: Atomic<Bool>

        init(_ level: Level, _ format: Format) {
            self.level = Atomic(level.rank)
            isJSON = Atomic(format == .json)
        }
    }

    private let threshold: Threshold
    private let sink: Sink
    private let bound: Metadata
    private let now: @Sendable () -> Timestamp

    /// - Parameters:
    ///   - level: events below it are dropped before their metadata is evaluated.
    ///   - sink: defaults to standard error, one `write` a line.
    package init(
        level: Level, format: Format, sink: @escaping Sink = Logger.writeToStandardError,
        now: @escaping @Sendable () -> Timestamp = Timestamp.now
    ) {
        self.init(Threshold(level, format), sink: sink, bound: [], now: now)
    }

    private init(_ threshold: Threshold, sink: @escaping Sink, bound: Metadata, now: @escaping @Sendable () -> Timestamp) {
        self.threshold = threshold
        self.sink = sink
        self.bound = bound
        self.now = now
    }

    /// Drops everything; for tests and for tools that print their own answers.
    package static let silent = Logger(level: .error, format: .text, sink: { _ in })

    /// A logger that puts the same metadata on each of its lines, such as a request id.
    package func with(_ metadata: Metadata) -> Logger {
        Logger(threshold, sink: sink, bound: bound + metadata, now: now)
    }

    /// Changes level and form from the next line on, for every copy of this logger too.
    package func adjust(level: Level, format: Format) {
        threshold.level.store(level.rank, ordering: .relaxed)
        threshold.isJSON.store(format == .json, ordering: .relaxed)
    }

    package func debug(_ message: StaticString, _ metadata: @autoclosure () -> Metadata = []) {
        log(.debug, message, metadata)
    }
    package func info(_ message: StaticString, _ metadata: @autoclosure () -> Metadata = []) {
        log(.info, message, metadata)
    }
    package func notice(_ message: StaticString, _ metadata: @autoclosure () -> Metadata = []) {
        log(.notice, message, metadata)
    }
    package func warning(_ message: StaticString, _ metadata: @autoclosure () -> Metadata = []) {
        log(.warning, message, metadata)
    }
    package func error(_ message: StaticString, _ metadata: @autoclosure () -> Metadata = []) {
        log(.error, message, metadata)
    }

    /// One `write(2)`, so that lines of several threads do not mix. A full disk or closed pipe loses the line.
    @Sendable package static func writeToStandardError(_ line: [UInt8]) {
        unsafe line.withUnsafeBytes { _ = unsafe write(STDERR_FILENO, $0.baseAddress, $0.count) }
    }

    private func log(_ level: Level, _ message: StaticString, _ metadata: () -> Metadata) {
        guard level.rank >= threshold.level.load(ordering: .relaxed) else { return }
        let line = LogLine(time: now(), level: level, message: message, metadata: bound + metadata())
        sink(threshold.isJSON.load(ordering: .relaxed) ? line.json : line.text)
    }
}
