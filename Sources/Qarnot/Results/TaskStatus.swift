internal import Primitives

/// Qarnot's states in the words of the job tools (qarnot-api.md §9).
enum TaskStatus: String, Sendable, CaseIterable {
    case submitted, queued, running, completed, failed, cancelled, cancelling, deleting

    /// Nil for a state we do not know.
    init?(state: String) {
        guard let status = Self.allCases.first(where: { $0.states.contains(state) }) else { return nil }
        self = status
    }

    var states: [String] {
        switch self {
        case .submitted: ["Submitted"]
        case .queued: ["PartiallyDispatched", "FullyDispatched"]
        case .running: ["PartiallyExecuting", "FullyExecuting", "UploadingResults", "DownloadingResults"]
        case .completed: ["Success"]
        case .failed: ["Failure"]
        case .cancelled: ["Cancelled"]
        case .cancelling: ["PendingCancel"]
        case .deleting: ["PendingDelete"]
        }
    }

    var isFinal: Bool { self == .completed || self == .failed || self == .cancelled }

    static let allStates = allCases.flatMap(\.states)
}

/// A task as Qarnot describes it, read with care: members may be absent.
struct TaskReading: Sendable {
    let json: JSONValue

    init(_ json: JSONValue) { self.json = Redaction.task(json) }

    var uuid: String { text("uuid") ?? "" }
    var state: String { text("state") ?? "Unknown" }
    var status: TaskStatus? { TaskStatus(state: state) }
    /// The mapped status, or `unknown` for a state Qarnot has added since.
    var statusText: String { status?.rawValue ?? "unknown" }
    var isFinal: Bool { status?.isFinal ?? false }

    /// 0...100, and 100 only for success.
    var progress: Double {
        if state == "Success" { return 100 }
        return min(99, max(0, json["progress"]?.double ?? 0))
    }

    func text(_ name: String) -> String? { json[name]?.string }

    /// The instances asked for, however they were.
    var instanceCount: Int {
        let counted = json["instanceCount"]?.int ?? 0
        return counted > 0 ? counted : json["totalInstanceCount"]?.int ?? 0
    }

    var errorMessage: String? {
        let messages = json["errors"]?.array?.compactMap { $0["message"]?.string } ?? []
        return messages.isEmpty ? nil : messages.joined(separator: "; ")
    }

    /// When instances began to execute: seen in the last two transitions, or reckoned back from the end.
    var started: (at: String?, isEstimated: Bool) {
        let executing = ["PartiallyExecuting", "FullyExecuting"]
        if let previous = text("previousState"), executing.contains(previous) {
            return (text("previousStateTransitionTime"), false)
        }
        if executing.contains(state) { return (text("stateTransitionTime"), false) }
        guard isFinal, let end = text("endDate").flatMap(Timestamp.init(rfc3339:)),
            let execution = text("executionTime").flatMap(Self.span)
        else { return (nil, false) }
        guard execution > .zero else { return (nil, false) }
        let upload = json["status"]?["uploadTimeSec"]?.double ?? 0
        let start = end - execution - .milliseconds(Int(max(0, min(upload, 1e9)) * 1000))
        return (String(start.rfc3339.prefix(19)) + "Z", true)
    }

    /// A .NET time span, `[d.]hh:mm:ss[.fraction]`. Nil when malformed.
    static func span(_ text: String) -> Duration? {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count == 3, let minutes = Int(parts[1]), let seconds = Double(parts[2]), seconds >= 0, seconds < 60 else {
            return nil
        }
        let head = parts[0].split(separator: ".")
        guard (1...2).contains(head.count), let hours = Int(head[head.count - 1]), let days = head.count == 2 ? Int(head[0]) : 0
        else { return nil }
        guard (0...100_000).contains(days), (0..<24).contains(hours), (0..<60).contains(minutes) else { return nil }
        return .seconds(days * 86_400 + hours * 3600 + minutes * 60) + .milliseconds(Int(seconds * 1000))
    }
}
