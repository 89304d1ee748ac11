internal import Primitives

/// A pool: machines kept ready. Tasks in it run like any other here.
struct SimulatedPool: Sendable {
    let uuid: String
    let sequence: Int
    let created: Timestamp
    let name: String
    let shortname: String?
    let profile: String
    let instanceCount: Int
    var constants: [SimulatedTask.Constant]
    var tags: [String]
    var elastic: JSONValue
    var scaling: JSONValue
    /// Members echoed as they came.
    var echoed: JSONObject
    var closed: Timestamp?

    func state(_ moment: Moment) -> (name: String, since: Timestamp) {
        if let closed {
            let end = closed + moment.timing.cancelling
            return moment.now < end ? ("Closing", closed) : ("Closed", end)
        }
        let dispatched = created + moment.timing.submitted
        let executing = dispatched + moment.timing.dispatched
        if moment.now >= executing { return ("FullyExecuting", executing) }
        return moment.now >= dispatched ? ("FullyDispatched", dispatched) : ("Submitted", created)
    }

    private static let status: JSONValue = [
        "executionTimeByCpuModel": [], "executionTimeGhzByCpuModel": [], "runningInstancesInfo": ["perRunningInstanceInfo": []],
    ]

    func view(_ moment: Moment) -> JSONObject {
        let (state, since) = state(moment)
        let running = state == "FullyExecuting" ? instanceCount : 0
        let end = state == "Closed" ? since : nil
        let age = (end ?? moment.now) - created
        let constants = constants.map { ["key": .string($0.key), "value": .string($0.value)] as JSONValue }
        let members: [(String, JSONValue)] = [
            ("uuid", .string(uuid)), ("name", .string(name)), ("shortname", .string(shortname ?? uuid)),
            ("profile", .string(profile)),
            ("state", .string(state)), ("previousState", nil), ("instanceCount", .int(instanceCount)),
            ("targetRunningInstanceCount", .int(instanceCount)), ("stateTransitionTime", .string(WireFormat.date(since))),
            ("previousStateTransitionTime", .string(WireFormat.date(created))), ("creationDate", .string(WireFormat.date(created))),
            ("lastModified", .string(WireFormat.date(since))), ("endDate", .string(WireFormat.date(end))),
            ("runningInstanceCount", .int(running)), ("runningCoreCount", .int(running * TaskView.cores)),
            ("queuedOrRunningTaskInstancesCount", 0), ("executionTime", .string(WireFormat.span(running > 0 ? age : .zero))),
            ("wallTime", .string(WireFormat.span(age))), ("errors", []), ("elasticProperty", elastic), ("scaling", scaling),
            ("constants", .array(constants)),
            ("tags", .array(tags.map { .string($0) })), ("totalSlotCapacity", .int(instanceCount)), ("poolUsage", 0.0),
            ("status", Self.status),
        ]
        var out = JSONObject(members)
        for member in echoed.members { out[member.key] = member.value }
        // Absent, never null: the SDK looks inside.
        for name in ["multiSlotsSettings", "scaling"] where out[name] == .null { out[name] = nil }
        return out
    }
}

/// A job: a group of tasks, with dependencies between them when asked for.
struct SimulatedJob: Sendable {
    let uuid: String
    let sequence: Int
    let created: Timestamp
    let name: String
    let shortname: String?
    let poolUUID: String?
    let usesDependencies: Bool
    let tags: [String]
    let maxWallTime: String
    let autoDelete: Bool
    let timeToLive: String
    var ended: Timestamp?

    func view(_ moment: Moment) -> JSONObject {
        let isOver = ended.map { moment.now >= $0 + moment.timing.cancelling } ?? false
        let state = ended == nil ? "Active" : isOver ? "Completed" : "Terminating"
        let since = WireFormat.date(ended ?? created)
        let members: [(String, JSONValue)] = [
            ("uuid", .string(uuid)), ("name", .string(name)), ("shortname", .string(shortname ?? uuid)),
            ("poolUuid", .string(orNull: poolUUID)), ("state", .string(state)),
            ("previousState", ended == nil ? nil : isOver ? "Terminating" : "Active"), ("useDependencies", .bool(usesDependencies)),
            ("stateTransitionTime", .string(since)),
            ("previousStateTransitionTime", .string(WireFormat.date(ended == nil ? nil : created))),
            ("creationDate", .string(WireFormat.date(created))), ("lastModified", .string(since)),
            ("maxWallTime", .string(maxWallTime)),
            ("tags", .array(tags.map { .string($0) })), ("autoDeleteOnCompletion", .bool(autoDelete)),
            ("completionTimeToLive", .string(timeToLive)),
        ]
        return JSONObject(members)
    }
}
