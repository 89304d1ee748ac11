internal import MCP
internal import Policy
internal import Primitives

/// Holds submissions to the caller's budget (configured under `engines.qarnot.budgets`).
extension QarnotSession {
    private var budget: ComputeBudget? { context.caller.flatMap { engine.budgets.budget(for: $0) } }

    /// - Throws: `.budgetExceeded`, naming the rule, when the caller's budget does not allow all of it together.
    func admit(_ orders: [ComputeOrder], as tool: String) async throws(QarnotFailure) {
        guard let caller = context.caller, let budget else { return }
        var verdict = budget.judge(orders, spent: ComputeSpending())
        if verdict == .allowed, budget.needsSpending, orders.contains(where: { $0.instances > 0 }) {
            verdict = budget.judge(orders, spent: try await spentToday(budget, caller.userID))
        }
        guard case .refused(let rule, let text) = verdict else { return }
        throw await refusal(rule, text, caller, tool)
    }

    /// The same for a change of constants, which could bring another image into what runs already.
    func admitChange(of json: JSONValue, constants: JSONValue?, as tool: String) async throws(QarnotFailure) {
        guard let caller = context.caller, let budget, budget.images != nil, let constants else { return }
        var images = ComputeBudget()
        images.images = budget.images
        let order = try await order(1, json["profile"]?.string, constants, usesPool: false)
        guard case .refused(let rule, let text) = images.judge([order], spent: nil) else { return }
        throw await refusal(rule, text, caller, tool)
    }

    private func refusal(_ rule: String, _ text: String, _ caller: Principal, _ tool: String) async -> QarnotFailure {
        await engine.refused(caller, tool, rule)
        var failure = QarnotFailure(.budgetExceeded, "\(text) The rule is \(rule); ask the administrator to change it.")
        failure.rule = rule
        return failure
    }

    // MARK: what is asked for

    func order(of creation: TaskCreation) async throws(QarnotFailure) -> ComputeOrder {
        guard budget != nil else { return ComputeOrder(instances: 0) }
        let json = creation.json
        var poolID = json["poolUuid"]?.string
        if poolID == nil, let group = json["jobUuid"]?.string { poolID = try await get("jobs", group)["poolUuid"]?.string }
        let instances = Self.count(json)
        guard let poolID else {
            return try await order(instances, json["profile"]?.string, json["constants"], usesPool: false)
        }
        let pool = try await pool(poolID)
        let constants = (pool["constants"]?.array ?? []) + (json["constants"]?.array ?? [])
        return try await order(instances, pool["profile"]?.string, .array(constants), usesPool: true)
    }

    func order(ofRerun old: TaskReading, _ overrides: JSONObject) async throws(QarnotFailure) -> ComputeOrder {
        guard budget != nil else { return ComputeOrder(instances: 0) }
        let changesCount = overrides["instanceCount"] != nil || overrides["advancedRanges"] != nil
        let instances = changesCount ? Self.count(overrides) : max(1, old.instanceCount)
        let constants = overrides["constants"] ?? old.json["constants"]
        return try await order(instances, old.text("profile"), constants, usesPool: old.text("poolUuid") != nil)
    }

    func order(ofPool arguments: JSONObject, slots: Int) async throws(QarnotFailure) -> ComputeOrder {
        guard budget != nil else { return ComputeOrder(instances: 0) }
        return try await order(slots, arguments["profile"]?.string, arguments["constants"], usesPool: true)
    }

    private func order(_ instances: Int, _ profile: String?, _ constants: JSONValue?, usesPool: Bool) async throws(QarnotFailure)
        -> ComputeOrder
    {
        var order = ComputeOrder(instances: instances, profile: profile, usesPool: usesPool)
        guard budget?.images != nil, let profile else { return order }
        // What the submission leaves out, the profile decides.
        var values: [String: String] = [:]
        for constant in try await get("profiles", profile)["constants"]?.array ?? [] {
            if let name = constant["name"]?.string { values[name] = constant["value"]?.string }
        }
        for constant in constants?.array ?? [] {
            if let name = constant["key"]?.string { values[name] = constant["value"]?.string }
        }
        guard let repository = values["DOCKER_REPO"], !repository.isEmpty else { return order }
        let registry = values["DOCKER_SRV"].map { $0.isEmpty ? "" : $0 + "/" } ?? ""
        order.image = "\(registry)\(repository):\(values["DOCKER_TAG"].flatMap { $0.isEmpty ? nil : $0 } ?? "latest")"
        return order
    }

    /// Instances of a request to Qarnot. Ranges beyond reason count as more than any budget allows.
    private static func count(_ json: JSONObject) -> Int {
        guard let ranges = json["advancedRanges"]?.string else { return json["instanceCount"]?.int ?? 1 }
        var count = 0
        for part in ranges.split(separator: ",") {
            let ends = part.split(separator: "-").map { Int($0) }
            guard let first = ends.first, let first, let last = ends.last, let last, last >= first else { return .max }
            let (size, overflows) = (last - first).addingReportingOverflow(1)
            let (total, isTooMuch) = count.addingReportingOverflow(size)
            guard !overflows, !isTooMuch else { return .max }
            count = total
        }
        return count
    }

    // MARK: what was spent

    private static let day: Int64 = 86_400_000

    private var today: Timestamp {
        let now = engine.now().milliseconds
        return Timestamp(milliseconds: now - now % Self.day)
    }

    /// Of the caller's tasks created today, deleted ones included as far as they were seen.
    private func spentToday(_ budget: ComputeBudget, _ user: UserID) async throws(QarnotFailure) -> ComputeSpending {
        let start = today
        let date = String(start.rfc3339.prefix(19)) + "Z"
        let filter: JSONValue = ["operator": "GreaterThanOrEqual", "field": "CreationDate", "value": .string(date)]
        var token: JSONValue = .null
        var seen = 0
        repeat {
            let page = try await query(
                ["tasks", "paginate"], ["filter": filter, "token": token, "maximumResults": 100, "orderBy": "creationDate"])
            for json in page["data"]?.array ?? [] {
                seen += 1
                guard seen <= SpendingLedger.mostTasks else {
                    throw QarnotFailure(
                        .budgetExceeded,
                        "More than \(SpendingLedger.mostTasks) tasks were created today; what they cost is not counted.")
                }
                try await note(TaskReading(json), budget, user, start)
            }
            token = page["isTruncated"]?.bool == true ? .string(orNull: page["nextToken"]?.string) : .null
        } while token != .null
        return try await engine.ledger.tasks(of: user, since: start).values.reduce(into: ComputeSpending()) { sum, entry in
            sum.coreHours += entry.spending.coreHours
            sum.euros += entry.spending.euros
        }
    }

    private func note(_ task: TaskReading, _ budget: ComputeBudget, _ user: UserID, _ start: Timestamp) async throws(QarnotFailure)
    {
        if try await engine.ledger.tasks(of: user, since: start)[task.uuid]?.isFinal == true { return }
        var spending = ComputeSpending(coreHours: task.coreHours)
        if budget.eurosPerDay != nil {
            // Costs come from the API alone: a price we guessed would refuse or allow wrongly.
            spending.euros = try await get("credits", "v1", "tasks", task.uuid, "credits")["credits"]?.double ?? 0
        }
        try await engine.ledger.note(
            SpendingLedger.Entry(spending: spending, isFinal: task.isFinal), of: task.uuid, for: user, since: start)
    }

    /// Before a task is deleted: what it cost must not vanish with it.
    func noteCost(ofTask id: String) async throws(QarnotFailure) {
        guard let user = context.caller?.userID, let budget, budget.needsSpending else { return }
        let task = try await task(id)
        let start = today
        guard let created = task.text("creationDate").flatMap(Timestamp.init(rfc3339:)), created >= start else { return }
        try await note(task, budget, user, start)
        try await engine.ledger.keep(task.uuid, of: user, since: start)
    }
}

extension TaskReading {
    /// Core-hours used so far: by the report of the cores where there is one, else by the cores running for the time executed.
    var coreHours: Double {
        let reported = json["status"]?["executionTimeByCpuModel"]?.array ?? []
        let seconds = reported.reduce(0.0) { sum, row in sum + (row["time"]?.double ?? 0) * (row["core"]?.double ?? 1) }
        if seconds > 0 { return seconds / 3600 }
        let executed = text("executionTime").flatMap(Self.span).map { Double($0.components.seconds) } ?? 0
        return executed * (json["runningCoreCount"]?.double ?? 0) / 3600
    }
}
