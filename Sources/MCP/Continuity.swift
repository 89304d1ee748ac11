package import Primitives

/// What links the requests of a client beyond one connection: sealed handles, sessions, tasks. One for the whole process, so that
/// endpoints made anew by a reload know what their predecessors handed out.
package final class Continuity: Sendable {
    let handles: HandleSealer
    let sessions = SessionHub()
    let tasks: TaskHub
    let spent = SpentHandles()

    /// - Parameter instance: random, fresh for each process.
    package init(handles: HandleSealer, instance: String, clock: @escaping @Sendable () -> Timestamp = { Timestamp.now() }) {
        self.handles = handles
        tasks = TaskHub(instance: instance, clock: clock)
    }

    /// Single-use handles name the process that can know whether they were used.
    var instance: String { tasks.instance }
}
