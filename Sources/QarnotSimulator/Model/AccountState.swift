internal import Primitives

/// Everything one account owns. Nothing here can reach another account.
struct AccountState: Sendable {
    let email: String
    private(set) var tasks: [SimulatedTask] = []
    /// Places in `tasks`, by UUID and by short name.
    private var taskIndex: [String: Int] = [:]
    private var nextSequence = 1
    var pools: [SimulatedPool] = []
    var jobs: [SimulatedJob] = []
    var secrets: [String: String] = [:]
    var buckets: [String: Bucket] = [:]

    init(email: String) { self.email = email }

    // MARK: tasks

    /// The place of a task, by UUID or short name.
    func taskPlace(_ id: String) -> Int? { taskIndex[id] }

    func task(_ id: String) -> SimulatedTask? { taskIndex[id].map { tasks[$0] } }

    func isTaken(shortname: String) -> Bool { taskIndex[shortname] != nil }

    mutating func add(_ order: TaskOrder, constants: [SimulatedTask.Constant], tags: [String], at now: Timestamp) -> SimulatedTask {
        let task = SimulatedTask(
            uuid: makeUUID(), sequence: nextSequence, created: now, order: order, constants: constants, tags: tags,
            started: order.dependsOn.isEmpty ? now : nil)
        nextSequence += 1
        taskIndex[task.uuid] = tasks.count
        if let shortname = order.shortname { taskIndex[shortname] = tasks.count }
        tasks.append(task)
        if let bucket = order.resultBucket, buckets[bucket] == nil { buckets[bucket] = Bucket(created: now) }
        return task
    }

    mutating func updateTask(at place: Int, _ body: (inout SimulatedTask) -> Void) { body(&tasks[place]) }

    mutating func removeTask(at place: Int) {
        tasks.remove(at: place)
        reindexTasks()
    }

    mutating func removeTasks(where condition: (SimulatedTask) -> Bool) {
        tasks.removeAll(where: condition)
        reindexTasks()
    }

    private mutating func reindexTasks() {
        taskIndex = [:]
        for (place, task) in tasks.enumerated() {
            taskIndex[task.uuid] = place
            if let shortname = task.order.shortname { taskIndex[shortname] = place }
        }
    }

    // MARK: time

    /// Carries out what time has brought about: dependencies met, results uploaded.
    mutating func advance(to moment: Moment) {
        for place in tasks.indices where !tasks[place].isSettled {
            startIfReady(place, moment)
            let phase = TaskPhase(of: tasks[place], at: moment.now, moment.timing)
            guard phase.state.isFinal else { continue }
            if phase.state == .success { upload(place, at: phase.since, moment.limits) }
            tasks[place].isSettled = true
        }
    }

    private mutating func startIfReady(_ place: Int, _ moment: Moment) {
        guard tasks[place].started == nil, !tasks[place].isBlocked, tasks[place].aborted == nil else { return }
        var ready = tasks[place].created
        for id in tasks[place].order.dependsOn {
            guard let other = task(id) else { continue }
            let phase = TaskPhase(of: other, at: moment.now, moment.timing)
            guard let end = phase.end else { return }
            guard phase.state == .success else {
                tasks[place].isBlocked = true
                return
            }
            ready = max(ready, end)
        }
        tasks[place].started = ready
    }

    /// One object an instance. When storage is full, results are lost, as they would be.
    private mutating func upload(_ place: Int, at time: Timestamp, _ limits: Limits) {
        guard let name = tasks[place].order.resultBucket else { return }
        var bucket = buckets.removeValue(forKey: name) ?? Bucket(created: time)
        var room = limits.storageBytes - storedBytes - bucket.byteCount
        for instance in tasks[place].order.instances {
            let content = Array("result of instance \(instance)\n".utf8)
            guard content.count <= room else { break }
            room -= content.count
            let key = "\(tasks[place].order.resultsPrefix)out/result-\(instance).txt"
            bucket.put(StoredObject(bytes: content, etag: StoredObject.etag(of: content), modified: time), at: key)
            tasks[place].results[instance] = key
        }
        buckets[name] = bucket
        tasks[place].resultsCount += 1
    }

    /// Bytes of all objects and unfinished uploads.
    var storedBytes: Int { buckets.values.reduce(0) { $0 + $1.byteCount } }
}
