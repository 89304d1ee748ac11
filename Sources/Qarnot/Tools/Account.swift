internal import HTTP
internal import MCP
internal import Primitives

/// Tools about the account, what things cost and what there is to run on.
extension QarnotEngine {
    var getAccount: Tool {
        let object: JSONValue = ["type": "object"]
        return tool(
            ToolDefinition(
                "get_account", title: "Get the account",
                description: "Shows the user's Qarnot account: quotas, what is in use, credits left, projects.",
                input: Schema.object([]),
                output: Schema.output(
                    [
                        ("email", Schema.nullable("string", "Masked, except for administrators.")),
                        ("quotas", object), ("usage", object), ("computing_quotas", object),
                        ("credits_euros", Schema.nullable("number", "Credits left, when Qarnot tells.")),
                        ("projects", Schema.array(object, "Projects.")),
                    ], required: ["email", "quotas", "usage", "credits_euros", "projects"]),
                .reading, .read)
        ) { _, session throws(QarnotFailure) in
            let info = try await session.get("info")
            // Not every account is billed by credits.
            let credits: JSONValue?
            do throws(QarnotFailure) {
                credits = try await session.get("credits", "v1", "accounts", "credits")["credits"]
            } catch {
                guard error.code == .notFound || error.code == .forbidden else { throw error }
                credits = nil
            }
            let members = info.object?.members ?? []
            let quotas = members.filter { $0.key.hasPrefix("max") || $0.key.hasPrefix("quota") }
            let usage = members.filter { $0.key.hasPrefix("used") || $0.key.hasSuffix("Count") }
            let email = info["email"]?.string
            return [
                "email": .string(orNull: session.isAdministrator ? email : email.map(Self.masked)),
                "quotas": .object(JSONObject(quotas.map { ($0.key, $0.value) })),
                "usage": .object(JSONObject(usage.map { ($0.key, $0.value) })),
                "computing_quotas": ["user": info["computingQuotas"]?["user"] ?? .null],
                "credits_euros": .double(orNull: credits), "projects": .array(info["projects"]?.array ?? []),
            ]
        }
    }

    /// `a***@example.com`.
    private static func masked(_ email: String) -> String {
        guard let at = email.firstIndex(of: "@") else { return "***" }
        return "\(email.prefix(1))***\(email[at...])"
    }

    private static let costTarget: [(String, JSONValue)] = [
        ("task_uuid", Schema.id("UUID or short name of the task.")), ("pool_uuid", Schema.id("UUID of the pool, instead.")),
    ]

    /// The kind and id of what a cost is asked for.
    private static func target(_ arguments: JSONObject) throws(QarnotFailure) -> (kind: String, id: String) {
        switch (arguments["task_uuid"]?.string, arguments["pool_uuid"]?.string) {
        case (let task?, nil): return ("tasks", task)
        case (nil, let pool?): return ("pools", pool)
        default:
            throw QarnotFailure(
                .invalidArguments, "Invalid arguments: give either task_uuid or pool_uuid.", fields: ["task_uuid", "pool_uuid"])
        }
    }

    var getTaskCost: Tool {
        tool(
            ToolDefinition(
                "get_task_cost", title: "Get a cost", description: "Tells what a task or a pool has cost so far, in euros.",
                input: Schema.object(Self.costTarget),
                output: Schema.output(
                    [("uuid", Schema.string("The task or pool.")), ("euros", Schema.nullable("number", "Cost so far."))],
                    required: ["uuid", "euros"]),
                .reading, .read)
        ) { arguments, session throws(QarnotFailure) in
            let (kind, id) = try Self.target(arguments)
            let json = try await session.get("credits", "v1", kind, id, "credits")
            return ["uuid": .string(id), "euros": .double(orNull: json["credits"])]
        }
    }

    var getCarbonFacts: Tool {
        tool(
            ToolDefinition(
                "get_carbon_facts", title: "Get carbon facts",
                description: "Tells the energy and carbon footprint of a task or a pool, compared with another data centre.",
                input: Schema.object(
                    Self.costTarget + [
                        ("comparison_datacenter", Schema.string("Data centre to compare with.", minimum: 1, maximum: 256))
                    ]),
                output: Schema.output(
                    [("uuid", Schema.string("The task or pool."))]
                        + CarbonFacts.names.map { ($0.ours, Schema.nullable("number", $0.meaning)) }
                        + [("comparison_datacenter", Schema.nullable("string", "Compared with."))],
                    required: ["uuid", "energy_wh", "footprint_g", "comparison_datacenter"]),
                .reading, .read)
        ) { arguments, session throws(QarnotFailure) in
            let (kind, id) = try Self.target(arguments)
            let query = arguments["comparison_datacenter"]?.string.map { [("comparisonDatacenter", $0)] } ?? []
            let json = try await session.get(["carbon", "v1", kind, id, "carbon-facts"], query: query)
            return CarbonFacts.result(of: id, json)
        }
    }

    var listBudgets: Tool {
        let row = Schema.object([
            ("uuid", Schema.string("UUID.")), ("name", Schema.nullable("string", "Name.")),
            ("project_uuid", Schema.string("The project.")), ("consumed_euros", Schema.nullable("number", "Spent.")),
            ("total_euros", Schema.nullable("number", "Allowed.")), ("remaining_euros", Schema.nullable("number", "Left.")),
            ("policy", Schema.nullable("string", "What happens beyond: AlertOnly, BlockNew or StopAndBlockAll.")),
            ("starts_at", Schema.nullable("string", "From.")), ("ends_at", Schema.nullable("string", "Until.")),
        ])
        return tool(
            ToolDefinition(
                "list_budgets", title: "List budgets",
                description: "Lists the active budgets of a project, or of all the user's projects.",
                input: Schema.object([("project_uuid", Schema.id("One project; all by default."))]),
                output: Schema.output([("budgets", Schema.array(row, "Budgets."))], required: ["budgets"]), .reading, .read)
        ) { arguments, session throws(QarnotFailure) in
            var projects = [arguments["project_uuid"]?.string].compactMap { $0 }
            if projects.isEmpty {
                projects = try await session.get("info")["projects"]?.array?.compactMap { $0["uuid"]?.string } ?? []
            }
            var rows: [JSONValue] = []
            for project in projects.prefix(20) {
                let json = try await session.get(
                    ["credits", "v1", "projects", project, "budgets"], query: [("activeOnly", "True")])
                rows += (json["budgets"]?.array ?? []).map { Self.budget($0, project) }
            }
            return ["budgets": .array(rows)]
        }
    }

    private static func budget(_ raw: JSONValue, _ project: String) -> JSONValue {
        let json = Redaction.task(raw)
        func euros(_ name: String) -> JSONValue { json[name]?.double.map { .double($0 / 100) } ?? .null }
        return [
            "uuid": .string(json["uuid"]?.string ?? ""), "name": .string(orNull: json["alias"]?.string),
            "project_uuid": .string(project), "consumed_euros": euros("consumedAmountInCents"),
            "total_euros": euros("totalAmountInCents"), "remaining_euros": euros("remainingAmountInCents"),
            "policy": .string(orNull: json["budgetOverrunPolicy"]?.string),
            "starts_at": .string(orNull: json["startDateUtc"]?.string),
            "ends_at": .string(orNull: json["expirationDateUtc"]?.string),
        ]
    }

    private static let constraints = Schema.array(
        ["type": "object"], "Constraints as Qarnot returns them; `discriminator` tells the kind.")

    var listHardware: Tool {
        tool(
            ToolDefinition(
                "list_hardware", title: "List hardware",
                description: "Lists the hardware constraints the account may use: cores, memory, GPUs, machine specifications.",
                input: Schema.object([
                    ("limit", Schema.integer("Constraints to return.", 1...50, fallback: 50)),
                    ("offset", Schema.integer("Constraints to skip.", 0...100_000, fallback: 0)),
                ]),
                output: Schema.output(
                    [
                        ("constraints", Self.constraints), ("total", Schema.nullable("integer", "All there are.")),
                        ("next_offset", Schema.nullable("integer", "For the next page, if there is one.")),
                    ], required: ["constraints", "total", "next_offset"]),
                .reading, .read)
        ) { arguments, session throws(QarnotFailure) in
            let (limit, offset) = (arguments["limit"]?.int ?? 50, arguments["offset"]?.int ?? 0)
            let json = try await session.get(
                ["hardware-constraints"], query: [("limit", String(limit)), ("offset", String(offset))])
            let rows = json["data"]?.array ?? []
            let total = json["total"]?.int
            let end = offset + rows.count
            return [
                "constraints": .array(rows), "total": total.map { .int($0) } ?? .null,
                "next_offset": !rows.isEmpty && end < total ?? 0 ? .int(end) : .null,
            ]
        }
    }

    var searchCPUModels: Tool {
        tool(
            ToolDefinition(
                "search_cpu_models", title: "Search CPU models",
                description: "Finds CPU models by part of their name, for the hardware argument cpu_model.",
                input: Schema.object(
                    [("cpu_model", Schema.string("Part of a model's name.", minimum: 1, maximum: 256))], required: ["cpu_model"]),
                output: Schema.output([("constraints", Self.constraints)], required: ["constraints"]), .reading, .read)
        ) { arguments, session throws(QarnotFailure) in
            let json = try await session.get(
                ["hardware-constraints", "cpu-model-constraints", "search"],
                query: [("cpuModel", arguments["cpu_model"]?.string ?? "")])
            return ["constraints": .array(json.array ?? json["data"]?.array ?? [])]
        }
    }
}

extension QarnotSession {
    /// The caller holds the engine's administration class.
    var isAdministrator: Bool { context.caller?.permission(for: QarnotEngine.name) == .admin }
}

/// The two key sets in which Qarnot's sources spell carbon facts (qarnot-api.md §7); either is read.
enum CarbonFacts {
    static let names: [(ours: String, theirs: [String], meaning: String)] = [
        ("energy_wh", ["total_consumed_energy_Wh", "totalConsumedEnergyWh"], "Energy consumed."),
        ("energy_it_wh", ["total_energy_it_Wh", "totalEnergyITWh"], "Energy of the machines."),
        ("energy_reused_wh", ["total_reused_energy_Wh", "totalReusedEnergyWh"], "Energy reused as heat."),
        ("footprint_g", ["qarnot_carbon_footprint", "carbonFootprintC02Eq"], "Carbon footprint, g CO2 equivalent."),
        (
            "datacenter_footprint_g", ["equivalent_DC_carbon_footprint", "equivalentDCCarbonFootprintC02Eq"],
            "The same in the data centre compared with."
        ),
        (
            "saved_g", ["saved_carbon_footprint_compute_heat", "savedCarbonFootprintComputeHeatC02Eq"],
            "Saved by computing there and by heat."
        ),
        ("saved_percent", ["saved_carbon_footprint_percent", "savedCarbonFootprintPercent"], "Saved, in percent."),
        ("pue", ["PUE", "pue"], "Power usage effectiveness."), ("ere", ["ERE", "ere"], "Energy reuse effectiveness."),
        ("erf", ["ERF", "erf"], "Energy reuse factor."), ("wue", ["WUE", "wue"], "Water usage effectiveness."),
    ]

    static func result(of id: String, _ json: JSONValue) -> JSONValue {
        var out = JSONObject([("uuid", .string(id))])
        for name in names { out.append(name.ours, .double(orNull: name.theirs.lazy.compactMap { json[$0] }.first)) }
        let center = json["equivalent_datacenter_name"] ?? json["comparisonDataCenterName"]
        out.append("comparison_datacenter", .string(orNull: center?.string))
        return .object(out)
    }
}
