internal import Primitives

/// A place outside where checkpoints are kept (AUD-4): who cuts or replaces the log has to change it there as well.
package struct Witness: Sendable {
    /// As it is configured, for records and messages.
    package let name: String
    /// Delivers one checkpoint as a line of JSON; blocks, for seconds at most. False when it did not arrive.
    let deliver: @Sendable (_ line: String) -> Bool

    package init(name: String, deliver: @escaping @Sendable (_ line: String) -> Bool) {
        self.name = name
        self.deliver = deliver
    }

    /// `syslog:unix:/dev/log`, `syslog:udp:HOST:PORT`, `syslog:tcp:HOST:PORT` or `file:PATH`. Nil for anything else.
    package init?(_ setting: String) {
        if setting.hasPrefix("syslog:"), let syslog = SyslogTarget(setting.dropFirst("syslog:".count)) {
            self.init(name: setting) { syslog.send($0) }
        } else if setting.hasPrefix("file:/") {
            let path = String(setting.dropFirst("file:".count))
            self.init(name: setting) { WitnessFile.append($0, to: path) }
        } else {
            return nil
        }
    }
}

/// Checkpoints on their way to one witness, on a thread of its own. What a witness that is away cannot take is dropped, oldest first.
final class WitnessQueue: Sendable {
    /// An hour's worth; the newest says most.
    static let limit = 64

    private struct State {
        var lines: [String] = []
        var dropped = 0
        var isStopping = false
    }

    private let witness: Witness
    private let state = Monitor(State())
    /// Between two tries, doubled up to a minute.
    private let pause: Duration

    init(_ witness: Witness, pause: Duration = .seconds(1)) {
        self.witness = witness
        self.pause = pause
    }

    var name: String { witness.name }

    func add(_ line: String) {
        state.update { state in
            state.lines.append(line)
            guard state.lines.count > Self.limit else { return }
            state.lines.removeFirst()
            state.dropped += 1
        }
    }

    /// How many were dropped since the last time.
    func takeDropped() -> Int {
        state.update { state in
            defer { state.dropped = 0 }
            return state.dropped
        }
    }

    /// Ends the thread once what is there was tried.
    func stop() { state.update(wakeAll: true) { $0.isStopping = true } }

    /// The body of the thread.
    func run() {
        var wait = pause
        while let line = state.wait(until: { state -> String?? in
            state.lines.first.map { .some($0) } ?? (state.isStopping ? .some(nil) : nil)
        }) {
            if witness.deliver(line) {
                state.update { if $0.lines.first == line { $0.lines.removeFirst() } }
                wait = pause
            } else {
                if state.wait(atMost: wait, until: { $0.isStopping ? true : nil }) == true { return }
                wait = min(.seconds(60), wait * 2)
            }
        }
    }
}
