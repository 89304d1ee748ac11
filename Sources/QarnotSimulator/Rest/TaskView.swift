internal import Primitives

/// A task as the service shows it (qarnot-api.md §4.3).
struct TaskView {
    /// Cores of the one machine model there is.
    static let cores = 8
    private static let model = "AMD Ryzen 7 2700 Eight-Core Processor"
    private static let specification = "8c-16g-amd-rz2700"

    private let task: SimulatedTask
    private let phase: TaskPhase
    private let now: Timestamp

    init(_ task: SimulatedTask, _ moment: Moment) {
        self.task = task
        now = moment.now
        phase = TaskPhase(of: task, at: moment.now, moment.timing)
    }

    private var running: [Int] { phase.isRunning ? task.order.instances : [] }
    private var succeeded: [Int] { phase.state == .success ? task.order.instances : [] }
    private var failed: [Int] { phase.state == .failure ? task.order.instances : [] }
    private var wallTime: Duration { (phase.end ?? now) - task.created }

    /// Without tags, errors, status and result bucket.
    var summary: JSONObject {
        let order = task.order
        let counted = order.advancedRanges == nil ? order.instances.count : 0
        let members: [(String, JSONValue)] = [
            ("uuid", .string(task.uuid)), ("name", .string(order.name)), ("shortname", .string(order.shortname ?? task.uuid)),
            ("profile", .string(orNull: order.profile)), ("poolUuid", .string(orNull: order.poolUUID)),
            ("jobUuid", .string(orNull: order.jobUUID)), ("progress", .double(phase.progress)),
            ("runningInstanceCount", .int(running.count)), ("runningCoreCount", .int(running.count * Self.cores)),
            ("clusterInfo", nil),
            ("executionTime", .string(WireFormat.span(phase.executionTime))), ("wallTime", .string(WireFormat.span(wallTime))),
            ("state", .string(phase.state.rawValue)), ("previousState", .string(orNull: phase.previous?.rawValue)),
            ("totalInstanceCount", .int(order.instances.count)), ("instanceCount", .int(counted)),
            ("maxRetriesPerInstance", order.echoed["maxRetriesPerInstance"] ?? 0),
            ("advancedRanges", .string(orNull: order.advancedRanges)),
            ("stateTransitionTime", .string(WireFormat.date(phase.since))),
            ("previousStateTransitionTime", .string(WireFormat.date(phase.previousSince))),
            ("lastModified", .string(WireFormat.date(phase.since))), ("creationDate", .string(WireFormat.date(task.created))),
            ("endDate", .string(WireFormat.date(phase.end))),
            ("waitForPoolResourcesSynchronization", order.echoed["waitForPoolResourcesSynchronization"] ?? .null),
        ]
        return JSONObject(members)
    }

    var detail: JSONObject {
        var out = summary
        out.append("errors", .array(errors))
        out.append("resultBucket", .string(orNull: task.order.resultBucket))
        out.append("status", status)
        out.append("snapshotInterval", .int(task.snapshotInterval))
        out.append("resultsCount", .int(task.resultsCount))
        out.append("completedInstances", .array((succeeded + failed).map(completed)))
        out.append("constants", task.maskedConstants)
        out.append("tags", .array(task.tags.map { .string($0) }))
        for member in task.order.echoed.members where out[member.key] == nil { out.append(member.key, member.value) }
        return out
    }

    private var errors: [JSONValue] {
        failed.first.map { [["code": "SIM0001", "message": .string("Instance \($0) exited with code 1"), "debug": nil]] } ?? []
    }

    private func completed(_ instance: Int) -> JSONValue {
        let results = task.results[instance].flatMap { key in task.order.resultBucket.map { "s3://storage/\($0)/\(key)" } }
        let hasFailed = phase.state == .failure
        let error: JSONValue = ["code": "SIM0001", "message": .string("Instance \(instance) exited with code 1"), "debug": nil]
        return [
            "results": .array(results.map { [.string($0)] } ?? []), "instanceId": .int(instance),
            "wallTimeSec": WireFormat.seconds(wallTime), "execTimeSec": WireFormat.seconds(phase.executionTime),
            "execTimeSecGHz": 3.1, "peakMemoryMB": 512, "state": hasFailed ? "Failure" : "Success",
            "error": hasFailed ? error : nil,
            "specificationKey": .string(Self.specification), "cpuModel": .string(Self.model), "coreCount": .int(Self.cores),
            "clockRatio": 1.0, "averageGHz": 3.1, "executionAttemptCount": 1,
        ]
    }

    private var status: JSONValue {
        let ended = succeeded + failed
        let isDispatched = phase.state != .submitted
        let time = WireFormat.seconds(phase.executionTime)
        let byModel: JSONValue = ["model": .string(Self.model), "time": time, "core": .int(Self.cores)]
        let byClock: JSONValue = ["model": .string(Self.model), "timeGhz": 6.2, "clockRatio": 1.0, "core": .int(Self.cores)]
        return [
            "timestamp": .string(WireFormat.date(now)), "lastUpdateTimestamp": .string(WireFormat.date(now)),
            "downloadProgress": .double(isDispatched ? 100 : 0), "executionProgress": .double(phase.progress),
            "uploadProgress": .double(ended.isEmpty ? 0 : 100), "instanceCount": .int(running.count), "downloadTime": "00:00:00",
            "downloadTimeSec": 0.0, "environmentTime": "00:00:00", "environmentTimeSec": 0.0,
            "executionTime": .string(WireFormat.span(phase.executionTime)), "executionTimeSec": time,
            "executionTimeByCpuModel": ended.isEmpty ? [] : [byModel], "executionTimeGhzByCpuModel": ended.isEmpty ? [] : [byClock],
            "uploadTime": "00:00:00", "uploadTimeSec": 0.0, "wallTime": .string(WireFormat.span(wallTime)),
            "wallTimeSec": WireFormat.seconds(wallTime), "succeededRange": .string(InstanceRange.text(succeeded)),
            "executedRange": .string(InstanceRange.text(ended)), "failedRange": .string(InstanceRange.text(failed)),
            "cancelledRange": .string(phase.state == .cancelled ? InstanceRange.text(task.order.instances) : ""),
            "startedOnceRange": .string(phase.executionStart == nil ? "" : InstanceRange.text(task.order.instances)),
            "runningInstancesInfo": runningInfo,
        ]
    }

    private var runningInfo: JSONValue {
        let isRunning = !running.isEmpty
        return [
            "perRunningInstanceInfo": .array(running.prefix(100).map(runningInstance)), "snapshotResults": [],
            "timestamp": .string(WireFormat.date(isRunning ? now : nil)), "averageFrequencyGHz": isRunning ? 3.1 : 0,
            "maxFrequencyGHz": isRunning ? 3.2 : 0, "minFrequencyGHz": isRunning ? 3.1 : 0,
            "averageMaxFrequencyGHz": isRunning ? 3.2 : 0,
            "averageCpuUsage": isRunning ? 93.5 : 0, "clusterPowerIndicator": 1, "averageMemoryUsage": isRunning ? 0.03 : 0,
            "averageNetworkInKbps": 0, "averageNetworkOutKbps": 0, "totalNetworkInKbps": 0, "totalNetworkOutKbps": 0,
            "runningCoreCountByCpuModel": [],
        ]
    }

    private func runningInstance(_ instance: Int) -> JSONValue {
        [
            "phase": "execution", "instanceId": .int(instance), "maxFrequencyGHz": 3.2, "currentFrequencyGHz": 3.1,
            "cpuUsage": 93.5,
            "maxMemoryMB": 15872, "currentMemoryMB": 512, "networkInKbps": 0, "networkOutKbps": 3,
            "progress": .double(phase.progress),
            "executionTimeSec": WireFormat.seconds(phase.executionTime), "executionTimeGHz": 3.1,
            "specificationKey": .string(Self.specification), "cpuModel": .string(Self.model), "coreCount": .int(Self.cores),
            "executionAttemptCount": 1, "activeForwards": [], "vpnConnections": [], "memoryUsage": 0.03, "clockRatio": 1.0,
        ]
    }
}
