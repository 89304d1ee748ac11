internal import Primitives

/// What instances print. Output only ever grows, so that a reader may ask for what is new by its length.
enum TaskLog {
    enum Stream: String, Sendable { case stdout, stderr }

    /// Lines an instance prints after its command while it executes.
    private static let steps = 10

    /// - Parameter instance: nil for all instances, in the order they printed.
    static func bytes(_ stream: Stream, of task: SimulatedTask, instance: Int?, in phase: TaskPhase, limit: Int) -> [UInt8] {
        guard phase.executionStart != nil else { return [] }
        let instances = instance.map { [$0] } ?? task.order.instances
        var out: [UInt8] = []
        switch stream {
        case .stdout:
            write(instances, limit, into: &out) { "[instance \($0)] $ \(task.command)\n" }
            for step in 1...steps where phase.executed * Double(steps) >= Double(step) {
                write(instances, limit, into: &out) { "[instance \($0)] \(step * 100 / steps)%\n" }
            }
        case .stderr:
            guard phase.state == .failure || phase.state == .uploadingResults && task.outcome == .failure else { return [] }
            write(instances, limit, into: &out) { "[instance \($0)] exited with code 1\n" }
        }
        return out
    }

    private static func write(_ instances: [Int], _ limit: Int, into out: inout [UInt8], _ line: (Int) -> String) {
        for instance in instances {
            let text = line(instance)
            guard out.count + text.utf8.count <= limit else { return }
            out.append(utf8: text)
        }
    }
}
