internal import HTTP
internal import Primitives

extension AccountState {
    /// `/tasks…` (qarnot-api.md §4.1).
    mutating func tasks(_ call: RestCall, _ rest: [String], _ moment: Moment) throws(Refusal) -> Response {
        switch (call.method, rest) {
        case (.post, []): return try submit(call, moment)
        case (.get, []): return .json(.array(tagged(call).map { .object(TaskView($0, moment).detail) }))
        case (.get, ["summaries"]): return .json(.array(tagged(call).map { .object(TaskView($0, moment).summary) }))
        case (.post, ["paginate"]): return .json(try Page(try call.json(), of: entries(moment)).json)
        case (.post, ["summaries", "paginate"]):
            let tasks = tasks
            return .json(try Page(try call.json(), of: entries(moment), showing: { TaskView(tasks[$0], moment).summary }).json)
        case (.post, ["search"]): return .json(try Page.search(try call.json(), in: entries(moment)))
        default: return try task(call, rest, moment)
        }
    }

    private func entries(_ moment: Moment) -> [PageEntry] {
        tasks.enumerated().map {
            PageEntry(place: $0.offset, sequence: $0.element.sequence, json: TaskView($0.element, moment).detail)
        }
    }

    /// Tasks with any of the tags asked for; `tag` may repeat or hold several, separated by commas.
    private func tagged(_ call: RestCall) -> [SimulatedTask] {
        let wanted = Set(call.values("tag").flatMap { $0.split(separator: ",").map(String.init) })
        return wanted.isEmpty ? tasks : tasks.filter { !wanted.isDisjoint(with: $0.tags) }
    }

    // MARK: submission

    private mutating func submit(_ call: RestCall, _ moment: Moment) throws(Refusal) -> Response {
        let json = try call.json()
        guard let elements = json.elements else {
            let uuid = try submit(json, moment)
            return .json(["uuid": .string(uuid)]).with(.location, "/tasks/\(uuid)")
        }
        guard elements.count <= 1000 else { throw Refusal(.badRequest, "Too many tasks in one request") }
        var outcomes: [JSONValue] = []
        var codes: Set<UInt16> = []
        for element in elements {
            do throws(Refusal) {
                outcomes.append(["statusCode": 200, "uuid": .string(try submit(element, moment)), "message": nil])
                codes.insert(200)
            } catch {
                outcomes.append(["statusCode": .int(error.status.code), "uuid": nil, "message": .string(error.message)])
                codes.insert(error.status.code)
            }
        }
        return .json(.array(outcomes), status: codes.subtracting([200]).isEmpty ? .ok : .multiStatus)
    }

    private mutating func submit(_ json: LooseJSON, _ moment: Moment) throws(Refusal) -> String {
        var submission = try TaskSubmission(json, moment.limits)
        if let id = submission.order.poolUUID {
            guard let pool = pool(id) else { throw Refusal(.badRequest, "No such pool: \(id)") }
            submission.order.profile = pool.profile
        }
        if let id = submission.order.jobUUID {
            guard let job = job(id), job.ended == nil else { throw Refusal(.badRequest, "No such job: \(id)") }
            submission.order.poolUUID = job.poolUUID
            if submission.order.profile == nil { submission.order.profile = job.poolUUID.flatMap { pool($0)?.profile } }
        }
        guard let profile = submission.order.profile, Profile.named(profile) != nil else {
            throw Refusal(.forbidden, "Profile not available: \(submission.order.profile ?? "")")
        }
        if let missing = TaskSubmission.resources(submission.order).first(where: { buckets[$0] == nil }) {
            throw .missing("bucket", missing)
        }
        if let unknown = submission.order.dependsOn.first(where: { task($0) == nil }) {
            throw Refusal(.badRequest, "No such task: \(unknown)")
        }
        if let shortname = submission.order.shortname, isTaken(shortname: shortname) {
            throw Refusal(.conflict, "Shortname already used: \(shortname)")
        }
        guard tasks.count < moment.limits.tasks else { throw Refusal(.forbidden, "Maximum number of tasks reached") }
        return add(submission.order, constants: submission.constants, tags: submission.tags, at: moment.now).uuid
    }

    // MARK: one task

    private mutating func task(_ call: RestCall, _ rest: [String], _ moment: Moment) throws(Refusal) -> Response {
        guard let id = rest.first, let place = taskPlace(id) else { throw .missing("task", rest.first ?? "") }
        let phase = TaskPhase(of: tasks[place], at: moment.now, moment.timing)
        switch (call.method, Array(rest.dropFirst())) {
        case (.get, []): return .json(.object(TaskView(tasks[place], moment).detail))
        case (.put, []): return try replace(place, try call.json())
        case (.patch, []):
            guard !phase.state.isFinal else { throw Refusal(.badRequest, "Task is not running") }
            return .done
        case (.delete, []):
            removeTask(at: place)
            return .done
        case (.post, ["abort"]):
            guard !phase.state.isFinal, phase.state != .pendingCancel else { throw Refusal(.forbidden, "Task is not running") }
            updateTask(at: place) { $0.aborted = moment.now }
            return .done
        case (.get, let path) where TaskLog.Stream(path) != nil, (.post, let path) where TaskLog.Stream(path) != nil:
            return try output(call.method, place, path, phase, moment)
        case (_, let path) where path.first == "snapshot": return try snapshot(call, place, Array(path.dropFirst()), phase, moment)
        case (.post, let path) where path.count == 1 && ["retry", "resume", "recover", "clone"].contains(path[0]):
            return try again(path[0], place, try call.json(), phase, moment)
        default: throw Refusal(.notFound, "Not found")
        }
    }

    /// Takes tags and constants only. A masked secret keeps its value.
    private mutating func replace(_ place: Int, _ json: LooseJSON) throws(Refusal) -> Response {
        guard let tags = TaskSubmission.tags(json["tags"]), let constants = TaskSubmission.constants(json["constants"]) else {
            throw Refusal(.badRequest, "Invalid task file. Invalid fields: tags, constants")
        }
        updateTask(at: place) { task in
            if json["tags"] != nil { task.tags = tags }
            guard json["constants"] != nil else { return }
            task.constants = constants.map { new in
                guard new.value == SimulatedTask.mask, let old = task.constant(new.key) else { return new }
                return SimulatedTask.Constant(key: new.key, value: old)
            }
        }
        return .done
    }

    /// GET gives everything, POST what was written since the last POST.
    private mutating func output(_ method: Method, _ place: Int, _ path: [String], _ phase: TaskPhase, _ moment: Moment)
        throws(Refusal) -> Response
    {
        guard let stream = TaskLog.Stream(path) else { throw Refusal(.notFound, "Not found") }
        var instance: Int?
        if path.count == 2 {
            guard let number = Int(path[1]), tasks[place].order.instances.contains(number) else {
                throw .missing("instance", path[1])
            }
            instance = number
        }
        var bytes = TaskLog.bytes(stream, of: tasks[place], instance: instance, in: phase, limit: moment.limits.logBytes)
        if method == .post {
            let cursor = path.joined(separator: "/")
            let seen = tasks[place].cursors[cursor] ?? 0
            updateTask(at: place) { $0.cursors[cursor] = bytes.count }
            bytes = Array(bytes.dropFirst(seen))
        }
        return .text(String(decoding: bytes, as: UTF8.self))
    }

    private mutating func snapshot(_ call: RestCall, _ place: Int, _ path: [String], _ phase: TaskPhase, _ moment: Moment)
        throws(Refusal) -> Response
    {
        switch (call.method, path) {
        case (.post, []), (.post, ["periodic"]):
            guard !phase.state.isFinal else { throw Refusal(.badRequest, "Task is not running") }
            let json = try call.json()
            let names = ["whitelist", "blacklist", "bucket", "bucketPrefix"]
            let configuration = JSONValue.object(JSONObject(names.map { ($0, json[$0]?.value ?? nil) }))
            if path == ["periodic"] {
                guard let interval = json["interval"]?.value.int, interval >= 0 else {
                    throw Refusal(.badRequest, "Invalid interval")
                }
                updateTask(at: place) { $0.snapshotInterval = interval }
                return .done
            }
            guard tasks[place].snapshots.count < 100 else { throw Refusal(.badRequest, "Too many snapshots") }
            let stamp = WireFormat.date(moment.now).filter(\.isNumber)
            let id = "snap_\(tasks[place].uuid)_\(stamp)"
            updateTask(at: place) { $0.snapshots[id] = Snapshot(id: id, triggered: moment.now, configuration: configuration) }
            uploadSnapshot(place, bucket: json.text("bucket"), prefix: json.text("bucketPrefix"), moment)
            return .json(["id": .string(id)])
        case (.get, let path) where path.count == 1:
            guard let snapshot = tasks[place].snapshots[path[0]] else { throw .missing("snapshot", path[0]) }
            let date = JSONValue.string(WireFormat.date(snapshot.triggered))
            return .json([
                "id": .string(snapshot.id), "taskUuid": .string(tasks[place].uuid), "triggerDate": date, "lastUpdateDate": date,
                "snapshotConfig": snapshot.configuration, "status": "success", "sizeToUpload": 0, "transferredSize": 0,
            ])
        default: throw Refusal(.notFound, "Not found")
        }
    }

    /// What running instances have so far, as one object each; a snapshot counts as results.
    private mutating func uploadSnapshot(_ place: Int, bucket: String?, prefix: String?, _ moment: Moment) {
        let order = tasks[place].order
        guard let name = bucket ?? order.resultBucket else { return }
        if buckets[name] == nil { buckets[name] = Bucket(created: moment.now) }
        for instance in order.instances.prefix(100) {
            let content = Array("partial result of instance \(instance)\n".utf8)
            guard storedBytes + content.count <= moment.limits.storageBytes else { break }
            let object = StoredObject(bytes: content, etag: StoredObject.etag(of: content), modified: moment.now)
            buckets[name]?.put(object, at: "\(prefix ?? order.resultsPrefix)out/result-\(instance).txt")
        }
        updateTask(at: place) { $0.resultsCount += 1 }
    }

    /// Retry, resume, recover and clone: a new task from an old one.
    private mutating func again(_ verb: String, _ place: Int, _ overrides: LooseJSON, _ phase: TaskPhase, _ moment: Moment)
        throws(Refusal) -> Response
    {
        let needed: [String: [TaskState]] = ["retry": [.failure], "resume": [.cancelled], "recover": [.failure, .cancelled]]
        if let states = needed[verb], !states.contains(phase.state) {
            throw Refusal(.badRequest, "Task has no instance to \(verb)")
        }
        guard tasks.count < moment.limits.tasks else { throw Refusal(.forbidden, "Maximum number of tasks reached") }
        let old = tasks[place]
        var order = old.order
        order.shortname = nil
        order.dependsOn = []
        order.name = overrides.text("name") ?? order.name
        if let shortname = overrides.text("shortname") {
            guard TaskSubmission.isShortname(shortname) else {
                throw Refusal(.badRequest, "Invalid task file. Invalid fields: shortname")
            }
            guard !isTaken(shortname: shortname) else { throw Refusal(.conflict, "Shortname already used: \(shortname)") }
            order.shortname = shortname
        }
        if let bucket = overrides.text("resultBucket") { order.resultBucket = bucket }
        if verb == "clone", let count = overrides["instanceCount"]?.value.int {
            guard (1...moment.limits.instancesPerTask).contains(count) else {
                throw Refusal(.badRequest, "Invalid task file. Invalid fields: instanceCount")
            }
            order.instances = Array(0..<count)
            order.advancedRanges = nil
        }
        let constants = overrides["constants"].flatMap { TaskSubmission.constants($0) } ?? old.constants
        let tags = overrides["tags"].flatMap { TaskSubmission.tags($0) } ?? old.tags
        return .json(["uuid": .string(add(order, constants: constants, tags: tags, at: moment.now).uuid)])
    }
}

extension TaskLog.Stream {
    /// From `stdout`, `stderr` or either with an instance.
    fileprivate init?(_ path: [String]) {
        guard let first = path.first, path.count <= 2, let stream = Self(rawValue: first) else { return nil }
        self = stream
    }
}
