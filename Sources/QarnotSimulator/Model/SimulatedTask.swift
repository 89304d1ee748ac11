internal import Primitives

/// One task: what was submitted, and the few facts its state at any instant follows from.
struct SimulatedTask: Sendable {
    enum Outcome: String, Sendable { case success, failure }

    let uuid: String
    /// Position in the account's order of creation; also the paging token.
    let sequence: Int
    let created: Timestamp
    let order: TaskOrder
    var constants: [Constant]
    var tags: [String]
    /// When dependencies let it start; nil while they do not.
    var started: Timestamp?
    var aborted: Timestamp?
    /// True once results were written, after which nothing changes any more.
    var isSettled = false
    var resultsCount = 0
    /// Keys written to the result bucket, by instance.
    var results: [Int: String] = [:]
    /// Bytes of each stream already handed out by POST, by stream and instance.
    var cursors: [String: Int] = [:]
    var snapshots: [String: Snapshot] = [:]
    /// Seconds; 0 for none.
    var snapshotInterval = 0
    /// Prevents a dependent task from ever starting.
    var isBlocked = false

    struct Constant: Sendable {
        let key: String
        let value: String
    }

    /// The value of a constant, in clear.
    func constant(_ key: String) -> String? { constants.last { $0.key == key }?.value }

    /// Constants as clients see them: secrets are write-only.
    var maskedConstants: JSONValue {
        .array(
            constants.map { constant in
                let isSecret = constant.key.hasPrefix("QARNOT_SECRET__")
                return ["key": .string(constant.key), "value": .string(isSecret ? Self.mask : constant.value)]
            })
    }

    static let mask = "[SECRET]"

    /// The command each instance claims to run.
    var command: String {
        constant("DOCKER_CMD") ?? order.profile.flatMap(Profile.named)?.mainConstant.flatMap { constant($0.name) ?? $0.value } ?? ""
    }

    func executing(_ timing: Timing) -> Duration {
        guard let text = constant("SIM_DURATION_MS"), let value = Int(text), value >= 0 else { return timing.executing }
        return .milliseconds(min(value, 7 * 86_400_000))
    }

    var outcome: Outcome { constant("SIM_OUTCOME").flatMap { Outcome(rawValue: $0.lowercased()) } ?? .success }
}

/// The submitted form of a task, checked.
struct TaskOrder: Sendable {
    var name: String
    var shortname: String?
    var profile: String?
    var poolUUID: String?
    var jobUUID: String?
    var instances: [Int]
    /// As given, when ranges were used instead of a count.
    var advancedRanges: String?
    var resultBucket: String?
    var resultsPrefix: String
    var dependsOn: [String]
    /// Members echoed as they came.
    var echoed: JSONObject
}

/// A snapshot of running instances; complete at once here.
struct Snapshot: Sendable {
    let id: String
    let triggered: Timestamp
    let configuration: JSONValue
}

/// What a task is doing (qarnot-api.md §3). The partial states are skipped here, as the service may.
enum TaskState: String, Sendable {
    case submitted = "Submitted"
    case fullyDispatched = "FullyDispatched"
    case fullyExecuting = "FullyExecuting"
    case uploadingResults = "UploadingResults"
    case success = "Success"
    case failure = "Failure"
    case pendingCancel = "PendingCancel"
    case cancelled = "Cancelled"

    var isFinal: Bool { self == .success || self == .failure || self == .cancelled }
}

/// Where a task stands at one instant: computed from its times, never stored.
struct TaskPhase: Sendable {
    var state: TaskState
    var since: Timestamp
    var previous: TaskState?
    var previousSince: Timestamp?
    /// 0...1 of the execution time.
    var executed: Double
    /// When instances began to execute, if they have.
    var executionStart: Timestamp?
    /// Execution time so far.
    var executionTime: Duration

    init(of task: SimulatedTask, at now: Timestamp, _ timing: Timing) {
        self.init(unaborted: task, at: task.aborted ?? now, timing)
        guard let aborted = task.aborted, !state.isFinal else { return }
        let end = aborted + timing.cancelling
        previous = state
        previousSince = since
        state = .pendingCancel
        since = aborted
        guard now >= end else { return }
        previous = .pendingCancel
        previousSince = aborted
        state = .cancelled
        since = end
    }

    private init(unaborted task: SimulatedTask, at now: Timestamp, _ timing: Timing) {
        let duration = task.executing(timing)
        var steps: [(TaskState, Timestamp)] = [(.submitted, task.created)]
        if let started = task.started {
            let dispatched = started + timing.submitted
            let executing = dispatched + timing.dispatched
            let uploading = executing + duration
            steps.append((.fullyDispatched, dispatched))
            steps.append((.fullyExecuting, executing))
            steps.append((.uploadingResults, uploading))
            steps.append((task.outcome == .success ? .success : .failure, uploading + timing.uploading))
        }
        let index = steps.lastIndex { $0.1 <= now } ?? 0
        (state, since) = steps[index]
        if index > 0 { (previous, previousSince) = steps[index - 1] }
        guard index >= 2 else {
            executed = 0
            executionTime = .zero
            return
        }
        executionStart = steps[2].1
        executionTime = min(now - steps[2].1, duration)
        executed = duration > .zero ? Double(executionTime.milliseconds) / Double(duration.milliseconds) : 1
    }

    /// 0...100, never falling, 100 only at the end.
    var progress: Double {
        switch state {
        case .success, .failure: 100
        default: (executed * 99).rounded(.down)
        }
    }

    var isRunning: Bool { state == .fullyExecuting }

    var end: Timestamp? { state.isFinal ? since : nil }
}
