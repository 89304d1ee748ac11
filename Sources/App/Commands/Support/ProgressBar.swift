import Glibc
import Primitives
import Synchronization

/// How far a long command is, drawn over itself on a terminal's standard error; silent everywhere else.
final class ProgressBar: Sendable {
    private static let width = 30

    private let label: String
    private let isShown: Bool
    private let shown = Mutex(-1)

    init(_ label: String, _ output: Output, isTerminal: Bool = isatty(STDERR_FILENO) == 1) {
        self.label = label
        isShown = isTerminal && !output.isJSON
    }

    func advance(_ done: Int, of total: Int) {
        guard isShown, total > 0 else { return }
        let percent = min(100, done * 100 / total)
        let isNews = shown.withLock { shown in
            defer { shown = percent }
            return shown != percent
        }
        if isNews { Self.write("\r" + Self.line(label, percent)) }
    }

    /// Leaves the line to what comes next.
    func finish() {
        if isShown, shown.withLock({ $0 >= 0 }) { Self.write("\r\u{1B}[K") }
    }

    static func line(_ label: String, _ percent: Int) -> String {
        let filled = width * percent / 100
        return "\(label) [\(String(repeating: "#", count: filled))\(String(repeating: "-", count: width - filled))] \(percent) %"
    }

    private static func write(_ text: String) {
        let bytes = Array(text.utf8)
        _ = unsafe Glibc.write(STDERR_FILENO, bytes, bytes.count)
    }
}
