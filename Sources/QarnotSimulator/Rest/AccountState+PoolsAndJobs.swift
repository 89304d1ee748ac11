internal import HTTP
internal import Primitives

extension AccountState {
    func pool(_ id: String) -> SimulatedPool? { pools.first { $0.uuid == id || $0.shortname == id } }
    func job(_ id: String) -> SimulatedJob? { jobs.first { $0.uuid == id || $0.shortname == id } }

    // MARK: pools

    mutating func pools(_ call: RestCall, _ rest: [String], _ moment: Moment) throws(Refusal) -> Response {
        let entries = pools.enumerated().map {
            PageEntry(place: $0.offset, sequence: $0.element.sequence, json: $0.element.view(moment))
        }
        switch (call.method, rest) {
        case (.post, []):
            let pool = try makePool(try call.json(), moment)
            pools.append(pool)
            return .json(["uuid": .string(pool.uuid)])
        case (.get, []), (.get, ["summaries"]): return .json(.array(tagged(entries, call)))
        case (.post, ["paginate"]), (.post, ["summaries", "paginate"]): return .json(try Page(try call.json(), of: entries).json)
        case (.post, ["search"]): return .json(try Page.search(try call.json(), in: entries))
        default: break
        }
        guard let id = rest.first, let place = pools.firstIndex(where: { $0.uuid == id || $0.shortname == id }) else {
            throw .missing("pool", rest.first ?? "")
        }
        return try pool(call, place, Array(rest.dropFirst()), moment)
    }

    private mutating func pool(_ call: RestCall, _ place: Int, _ rest: [String], _ moment: Moment) throws(Refusal) -> Response {
        let uuid = pools[place].uuid
        switch (call.method, rest) {
        case (.get, []): return .json(.object(pools[place].view(moment)))
        case (.put, []):
            let json = try call.json()
            if let tags = json["tags"] { pools[place].tags = TaskSubmission.tags(tags) ?? pools[place].tags }
            if let constants = json["constants"] {
                pools[place].constants = TaskSubmission.constants(constants) ?? pools[place].constants
            }
            if let elastic = json["elasticProperty"] { pools[place].elastic = elastic.value }
            if let scaling = json["scaling"] { pools[place].scaling = scaling.value }
            return .done
        case (.patch, []): return .done
        case (.delete, []):
            pools.remove(at: place)
            return .done
        case (.post, ["close"]):
            guard pools[place].closed == nil else { throw Refusal(.forbidden, "Pool is not running") }
            pools[place].closed = moment.now
            return .done
        case (.post, ["clone"]):
            guard pools.count < moment.limits.pools else { throw Refusal(.forbidden, "Maximum number of pools reached") }
            let old = pools[place]
            let copy = SimulatedPool(
                uuid: makeUUID(), sequence: nextSequence(of: pools.map(\.sequence)), created: moment.now, name: old.name,
                shortname: nil,
                profile: old.profile, instanceCount: old.instanceCount, constants: old.constants, tags: old.tags,
                elastic: old.elastic,
                scaling: old.scaling, echoed: old.echoed)
            pools.append(copy)
            return .json(["uuid": .string(copy.uuid)])
        case (.get, ["tasks"]):
            return .json(.array(tasks.filter { $0.order.poolUUID == uuid }.map { .object(TaskView($0, moment).detail) }))
        case (.get, ["jobs"]): return .json(.array(jobs.filter { $0.poolUUID == uuid }.map { .object($0.view(moment)) }))
        case (.get, ["scaling"]): return .json(pools[place].scaling)
        case (.put, ["scaling"]):
            pools[place].scaling = try call.json().value
            return .done
        case (_, let path) where path.first == "stdout" || path.first == "stderr": return .text("")
        default: throw Refusal(.notFound, "Not found")
        }
    }

    private func makePool(_ json: LooseJSON, _ moment: Moment) throws(Refusal) -> SimulatedPool {
        guard let name = json.text("name") else { throw Refusal(.badRequest, "Invalid pool file. Invalid fields: name") }
        guard let profile = json.text("profile") else { throw Refusal(.badRequest, "Invalid pool file. Invalid fields: profile") }
        guard Profile.named(profile) != nil else { throw Refusal(.forbidden, "Profile not available: \(profile)") }
        guard pools.count < moment.limits.pools else { throw Refusal(.forbidden, "Maximum number of pools reached") }
        guard let constants = TaskSubmission.constants(json["constants"]), let tags = TaskSubmission.tags(json["tags"]) else {
            throw Refusal(.badRequest, "Invalid pool file. Invalid fields: constants, tags")
        }
        let elastic: JSONValue = [
            "isElastic": false, "minTotalSlots": 0, "maxTotalSlots": 1, "minIdleSlots": 0, "resizePeriod": 90,
            "rampResizeFactor": 1,
            "minIdleTimeSeconds": 0,
        ]
        let echoed: [(String, JSONValue)] = [
            ("taskDefaultWaitForPoolResourcesSynchronization", false), ("preparationTask", nil), ("resourceBuckets", []),
            ("advancedResourceBuckets", []), ("hardwareConstraints", []), ("schedulingType", "flex"),
            ("autoDeleteOnCompletion", false),
            ("completionTimeToLive", "00:00:00"), ("labels", [:]),
            ("privileges", ["exportApiAndStorageCredentialsInEnvironment": false]),
            ("defaultRetrySettings", ["maxTotalRetries": nil, "maxPerInstanceRetries": nil]),
            ("secretsAccessRights", ["bySecret": [], "byPrefix": []]), ("forcedNetworkRules", []), ("multiSlotsSettings", nil),
        ]
        return SimulatedPool(
            uuid: makeUUID(), sequence: nextSequence(of: pools.map(\.sequence)), created: moment.now, name: name,
            shortname: json.text("shortname"), profile: profile, instanceCount: max(0, json["instanceCount"]?.value.int ?? 0),
            constants: constants, tags: tags, elastic: json["elasticProperty"]?.value ?? elastic,
            scaling: json["scaling"]?.value ?? nil,
            echoed: JSONObject(echoed.map { name, fallback in (name, json[name]?.value ?? fallback) }))
    }

    // MARK: jobs

    mutating func jobs(_ call: RestCall, _ rest: [String], _ moment: Moment) throws(Refusal) -> Response {
        let entries = jobs.enumerated().map {
            PageEntry(place: $0.offset, sequence: $0.element.sequence, json: $0.element.view(moment))
        }
        switch (call.method, rest) {
        case (.post, []):
            let job = try makeJob(try call.json(), moment)
            jobs.append(job)
            return .json(["uuid": .string(job.uuid)])
        case (.get, []): return .json(.array(tagged(entries, call)))
        case (.post, ["paginate"]): return .json(try Page(try call.json(), of: entries).json)
        case (.post, ["search"]): return .json(try Page.search(try call.json(), in: entries))
        default: break
        }
        guard let id = rest.first, let place = jobs.firstIndex(where: { $0.uuid == id || $0.shortname == id }) else {
            throw .missing("job", rest.first ?? "")
        }
        let uuid = jobs[place].uuid
        switch (call.method, Array(rest.dropFirst())) {
        case (.get, []): return .json(.object(jobs[place].view(moment)))
        case (.get, ["tasks"]):
            return .json(.array(tasks.filter { $0.order.jobUUID == uuid }.map { .object(TaskView($0, moment).detail) }))
        case (.post, ["terminate"]):
            if jobs[place].ended == nil { jobs[place].ended = moment.now }
            abortTasks(ofJob: uuid, moment)
            return .done
        case (.delete, []):
            guard call.flag("force") || !tasks.contains(where: { $0.order.jobUUID == uuid }) else {
                throw Refusal(.forbidden, "Job has tasks")
            }
            removeTasks { $0.order.jobUUID == uuid }
            jobs.remove(at: place)
            return .done
        default: throw Refusal(.notFound, "Not found")
        }
    }

    private func makeJob(_ json: LooseJSON, _ moment: Moment) throws(Refusal) -> SimulatedJob {
        guard let name = json.text("name") else { throw Refusal(.badRequest, "Invalid job file. Invalid fields: name") }
        guard jobs.count < moment.limits.jobs else { throw Refusal(.forbidden, "Maximum number of jobs reached") }
        let pool = json.text("poolUuid")
        if let pool, self.pool(pool) == nil { throw Refusal(.badRequest, "No such pool: \(pool)") }
        return SimulatedJob(
            uuid: makeUUID(), sequence: nextSequence(of: jobs.map(\.sequence)), created: moment.now, name: name,
            shortname: json.text("shortname"), poolUUID: pool, usesDependencies: json["useDependencies"]?.value.bool ?? false,
            tags: TaskSubmission.tags(json["tags"]) ?? [], maxWallTime: json.text("maxWallTime") ?? "00:00:00",
            autoDelete: json["autoDeleteOnCompletion"]?.value.bool ?? false,
            timeToLive: json.text("completionTimeToLive") ?? "00:00:00")
    }

    private mutating func abortTasks(ofJob uuid: String, _ moment: Moment) {
        for place in tasks.indices
        where tasks[place].order.jobUUID == uuid && !tasks[place].isSettled && tasks[place].aborted == nil {
            updateTask(at: place) { $0.aborted = moment.now }
        }
    }

    private func tagged(_ entries: [PageEntry], _ call: RestCall) -> [JSONValue] {
        let wanted = Set(call.values("tag").flatMap { $0.split(separator: ",").map(String.init) })
        return entries.filter { entry in
            wanted.isEmpty || !wanted.isDisjoint(with: entry.json["tags"]?.array?.compactMap(\.string) ?? [])
        }.map { .object($0.json) }
    }

    private func nextSequence(of used: [Int]) -> Int { (used.max() ?? 0) + 1 }
}
