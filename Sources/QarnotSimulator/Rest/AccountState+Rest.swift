internal import HTTP
internal import Primitives

extension AccountState {
    /// Answers one authenticated REST call.
    mutating func answer(_ call: RestCall, _ moment: Moment) throws(Refusal) -> Response {
        let rest = Array(call.segments.dropFirst())
        switch call.segments.first {
        case "info" where call.method == .get: return .json(info(moment))
        case "profiles" where call.method == .get: return try profiles(rest)
        case "tasks": return try tasks(call, rest, moment)
        case "pools": return try pools(call, rest, moment)
        case "jobs": return try jobs(call, rest, moment)
        case "quotas": return try quotas(rest, moment)
        case "hardware-constraints": return hardware(call, rest)
        case "credits": return try credits(rest, moment)
        case "carbon": return try carbon(rest, moment)
        case "network" where call.method == .get: return try network(rest)
        case "sanity-checks" where call.method == .post: return try sanityCheck(call, rest)
        case "secrets-manager": return try secrets(call, rest, moment)
        case nil where call.method == .get: return .json(["status": "ok"])
        default: throw Refusal(.notFound, "Not found")
        }
    }

    private static let project = "11111111-2222-4333-8444-555555555555"
    private static let budget: JSONValue = [
        "uuid": "22222222-3333-4444-8555-666666666666", "alias": "monthly", "consumedAmountInCents": 1250,
        "totalAmountInCents": 10_000, "remainingAmountInCents": 8750, "budgetOverrunPolicy": "BlockNew",
        "startDateUtc": "2026-11-01T00:00:00Z", "expirationDateUtc": nil, "isArchived": false,
    ]

    private func profiles(_ rest: [String]) throws(Refusal) -> Response {
        guard let name = rest.first else { return .json(.array(Profile.all.map { .string($0.name) })) }
        guard let profile = Profile.named(name) else { throw .missing("profile", name) }
        return .json(profile.json)
    }

    private func info(_ moment: Moment) -> JSONValue {
        let running = runningInstances(moment)
        let used = storedBytes
        return [
            "email": .string(email), "maxBucket": .int(moment.limits.buckets), "bucketCount": .int(buckets.count),
            "quotaBytesBucket": .int(moment.limits.storageBytes), "usedQuotaBytesBucket": .int(used),
            "quotaBytes": .int(moment.limits.storageBytes), "usedQuotaBytes": .int(used),
            "maxTask": .int(moment.limits.tasks), "taskCount": .int(tasks.count), "maxRunningTask": .int(moment.limits.tasks),
            "runningTaskCount": .int(running.tasks), "maxPool": .int(moment.limits.pools), "poolCount": .int(pools.count),
            "maxRunningPool": .int(moment.limits.pools), "runningPoolCount": .int(pools.count { $0.closed == nil }),
            "maxJob": .int(moment.limits.jobs), "jobCount": .int(jobs.count), "runningInstanceCount": .int(running.instances),
            "runningCoreCount": .int(running.instances * TaskView.cores), "maxInstances": 64, "maxCores": 512,
            "maxFlexInstances": 64, "maxFlexCores": 512, "maxOnDemandInstances": 64, "maxOnDemandCores": 512,
            "computingQuotas": ["user": userQuotas(moment), "organization": nil],
            "projects": [
                [
                    "uuid": .string(Self.project), "name": "Default", "slug": "default", "description": "",
                    "organizationUuid": "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee", "isDefault": true,
                ]
            ],
        ]
    }

    private func runningInstances(_ moment: Moment) -> (tasks: Int, instances: Int) {
        var out = (tasks: 0, instances: 0)
        for task in tasks where !task.isSettled && TaskPhase(of: task, at: moment.now, moment.timing).isRunning {
            out.tasks += 1
            out.instances += task.order.instances.count
        }
        return out
    }

    private func userQuotas(_ moment: Moment) -> JSONValue {
        let running = runningInstances(moment).instances
        func quota(_ instances: Int) -> JSONValue {
            [
                "maxInstances": 64, "maxCores": 512, "runningInstancesCount": .int(instances),
                "runningCoresCount": .int(instances * TaskView.cores),
            ]
        }
        return ["flex": quota(running), "onDemand": quota(0), "reserved": []]
    }

    private func quotas(_ rest: [String], _ moment: Moment) throws(Refusal) -> Response {
        guard rest.first == "computing-quotas", rest.count == 2, ["user", "organization"].contains(rest[1]) else {
            throw Refusal(.notFound, "Not found")
        }
        guard rest[1] == "organization", case .object(var quotas) = userQuotas(moment) else { return .json(userQuotas(moment)) }
        quotas.append("runningCountsPerUser", [:])
        return .json(.object(quotas))
    }

    /// `/v1/network/tasks/<id>/port-forward`: nothing here listens, so that nothing is forwarded.
    private func network(_ rest: [String]) throws(Refusal) -> Response {
        guard rest.count == 3, rest[0] == "tasks", rest[2] == "port-forward" else { throw Refusal(.notFound, "Not found") }
        guard task(rest[1]) != nil else { throw .missing("task", rest[1]) }
        return .json([])
    }

    private func sanityCheck(_ call: RestCall, _ rest: [String]) throws(Refusal) -> Response {
        guard rest == ["pools", "scaling"] else { throw Refusal(.notFound, "Not found") }
        guard let policies = try call.json()["policies"]?.elements,
            policies.allSatisfy({ $0.text("name") != nil && $0.text("type") != nil })
        else { throw Refusal(.badRequest, "Invalid scaling: policies") }
        return .done
    }

    private func hardware(_ call: RestCall, _ rest: [String]) -> Response {
        if rest == ["cpu-model-constraints", "search"] {
            let wanted = call.values("cpumodel").first?.lowercased() ?? ""
            let models = ["AMD Ryzen 7 2700", "AMD Ryzen 7 3700X", "Intel Xeon E5-2690"].filter { $0.lowercased().contains(wanted) }
            return .json(.array(models.map { ["discriminator": "CpuModelHardwareConstraint", "cpuModel": .string($0)] }))
        }
        let all: [JSONValue] = [
            ["discriminator": "MinimumCoreHardwareConstraint", "coreCount": 8], ["discriminator": "GpuHardwareConstraint"],
            ["discriminator": "SpecificHardwareConstraint", "specificationKey": "8c-32g-amd-rz3700x"],
        ]
        let limit = min(50, max(1, call.values("limit").first.flatMap { Int($0) } ?? 50))
        let offset = max(0, call.values("offset").first.flatMap { Int($0) } ?? 0)
        let page = Array(all.dropFirst(offset).prefix(limit))
        return .json(["data": .array(page), "offset": .int(offset), "limit": .int(limit), "total": .int(all.count)])
    }

    private func credits(_ rest: [String], _ moment: Moment) throws(Refusal) -> Response {
        switch rest.dropFirst() {
        case ["accounts", "credits"]: return .json(["credits": 120.5])
        case let path where path.count == 3 && path.first == "tasks" && path.last == "credits":
            let id = rest[2]
            guard task(id) != nil else { throw .missing("task", id) }
            return .json(["credits": 0.02])
        case let path where path.count == 3 && path.first == "pools" && path.last == "credits":
            let id = rest[2]
            guard pool(id) != nil else { throw .missing("pool", id) }
            return .json(["credits": 0.02])
        case let path where path.count == 3 && path.first == "projects" && path.last == "budgets":
            guard rest[2] == Self.project else { throw .missing("project", rest[2]) }
            return .json(["budgets": [Self.budget]])
        default: throw Refusal(.notFound, "Not found")
        }
    }

    private func carbon(_ rest: [String], _ moment: Moment) throws(Refusal) -> Response {
        guard rest.count == 4, rest[3] == "carbon-facts" else { throw Refusal(.notFound, "Not found") }
        let kind = rest[1].lowercased()
        guard kind == "tasks" ? task(rest[2]) != nil : kind == "pools" && pool(rest[2]) != nil else {
            throw .missing(String(kind.dropLast()), rest[2])
        }
        return .json([
            "total_consumed_energy_Wh": 306.0, "total_energy_it_Wh": 300.1, "total_reused_energy_Wh": 294.0,
            "qarnot_carbon_footprint": 17.7, "equivalent_datacenter_name": "default-datacenter",
            "equivalent_DC_carbon_footprint": 84.5, "saved_carbon_footprint_compute": 66.8, "saved_carbon_footprint_heat": 17.1,
            "saved_carbon_footprint_compute_heat": 83.8, "saved_carbon_footprint_percent": 79.0, "PUE": 1.02, "ERE": 0.04,
            "ERF": 0.96, "WUE": 0.0,
        ])
    }

    private mutating func secrets(_ call: RestCall, _ rest: [String], _ moment: Moment) throws(Refusal) -> Response {
        let key = rest.dropFirst().joined(separator: "/")
        switch (call.method, rest.first) {
        case (.get, "search"):
            let prefix = key.isEmpty ? "" : key + "/"
            var names: Set<String> = []
            for name in secrets.keys where name.hasPrefix(prefix) {
                let rest = name.dropFirst(prefix.count)
                names.insert(rest.firstIndex(of: "/").map { String(rest[...$0]) } ?? String(rest))
            }
            return .json(["keys": .array(names.sorted().map { .string($0) })])
        case (.get, "data"):
            guard let value = secrets[key] else { throw Refusal(.notFound, "No such secret") }
            return .json(["value": .string(value)])
        case (.put, "data"), (.patch, "data"):
            guard let value = try call.json()["value"]?.value.string, !key.isEmpty else {
                throw Refusal(.badRequest, "Invalid secret")
            }
            if call.method == .put {
                guard secrets[key] == nil else { throw Refusal(.conflict, "Secret already exists") }
                guard secrets.count < moment.limits.secrets else { throw Refusal(.forbidden, "Maximum number of secrets reached") }
            } else {
                guard secrets[key] != nil else { throw Refusal(.notFound, "No such secret") }
            }
            secrets[key] = value
            return .done
        case (.delete, "data"):
            guard secrets.removeValue(forKey: key) != nil else { throw Refusal(.notFound, "No such secret") }
            return .done
        default: throw Refusal(.notFound, "Not found")
        }
    }
}
