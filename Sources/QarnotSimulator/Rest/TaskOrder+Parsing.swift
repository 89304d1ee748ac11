internal import HTTP
internal import Primitives

/// A checked submission: the order itself and the parts that may change later.
struct TaskSubmission: Sendable {
    var order: TaskOrder
    let constants: [SimulatedTask.Constant]
    let tags: [String]

    /// Checks a TaskCreation object (qarnot-api.md §4.2) and collects every field that is wrong.
    init(_ json: LooseJSON, _ limits: Limits) throws(Refusal) {
        var invalid: [String] = []
        func check(_ isValid: Bool, _ field: String) { if !isValid, !invalid.contains(field) { invalid.append(field) } }

        let name = json.text("name") ?? ""
        check(!name.isEmpty && name.utf8.count <= 2048, "name")
        let shortname = json.text("shortname")
        check(shortname.map(Self.isShortname) ?? true, "shortname")
        let pool = json.text("poolUuid")
        let job = json.text("jobUuid")
        let profile = json.text("profile")
        check(pool == nil || job == nil, "jobUuid")
        check(pool == nil ? profile != nil || job != nil : profile == nil, "profile")

        let ranges = json.text("advancedRanges")
        var instances: [Int] = []
        if let ranges {
            instances = InstanceRange.parse(ranges, limit: limits.instancesPerTask) ?? []
            check(!instances.isEmpty, "advancedRanges")
        } else {
            let count = json["instanceCount"]?.value.int ?? 0
            check((1...limits.instancesPerTask).contains(count), "instanceCount")
            instances = Array(0..<max(0, min(count, limits.instancesPerTask)))
        }

        let constants = Self.constants(json["constants"])
        check(constants != nil, "constants")
        let tags = Self.tags(json["tags"])
        check(tags != nil, "tags")

        let resources = json["resourceBuckets"]?.elements ?? []
        let advanced = json["advancedResourceBuckets"]?.elements ?? []
        check(resources.isEmpty || advanced.isEmpty, "resourceBuckets")
        check(resources.count <= 100 && resources.allSatisfy { $0.value.string != nil }, "resourceBuckets")
        check(advanced.count <= 100 && advanced.allSatisfy { $0.text("bucketName") != nil }, "advancedResourceBuckets")
        let resultBucket = json.text("resultBucket")
        check(resultBucket.map(BucketName.isValid) ?? true, "resultBucket")
        guard invalid.isEmpty else {
            throw Refusal(.badRequest, "Invalid task file. Invalid fields: \(invalid.joined(separator: ", "))")
        }

        self.constants = constants ?? []
        self.tags = tags ?? []
        order = TaskOrder(
            name: name, shortname: shortname, profile: profile, poolUUID: pool, jobUUID: job, instances: instances,
            advancedRanges: ranges, resultBucket: resultBucket, resultsPrefix: json.text("resultsBucketPrefix") ?? "",
            dependsOn: Self.dependencies(json["dependencies"]), echoed: Self.echoed(json))
    }

    /// Names of the buckets the task reads from.
    static func resources(_ order: TaskOrder) -> [String] {
        let plain = order.echoed["resourceBuckets"]?.array?.compactMap(\.string) ?? []
        let advanced = order.echoed["advancedResourceBuckets"]?.array?.compactMap { LooseJSON($0).text("bucketName") } ?? []
        return plain + advanced
    }

    static func isShortname(_ text: String) -> Bool {
        let bytes = Array(text.utf8)
        func isAlphanumeric(_ byte: UInt8) -> Bool {
            Hex.value(of: byte) != nil || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
        }
        guard let first = bytes.first, let last = bytes.last, bytes.count <= 256 else { return false }
        return isAlphanumeric(first) && last != UInt8(ascii: "-")
            && bytes.allSatisfy { isAlphanumeric($0) || $0 == UInt8(ascii: "-") }
    }

    /// Nil when one of them is wrong.
    static func constants(_ json: LooseJSON?) -> [SimulatedTask.Constant]? {
        guard let json else { return [] }
        guard let elements = json.elements, elements.count <= 150 else { return nil }
        var out: [SimulatedTask.Constant] = []
        for element in elements {
            guard let key = element.text("key"), key.utf8.count <= 2048, key.allSatisfy(isKeyCharacter),
                let value = element["value"]?.value.string, value.utf8.count <= 2048
            else { return nil }
            out.append(SimulatedTask.Constant(key: key, value: value))
        }
        return out
    }

    private static func isKeyCharacter(_ character: Character) -> Bool {
        character.isASCII && (character.isLetter || character.isNumber || "_.-".contains(character))
    }

    static func tags(_ json: LooseJSON?) -> [String]? {
        guard let json else { return [] }
        guard let elements = json.elements, elements.count <= 10 else { return nil }
        let tags = elements.compactMap(\.value.string)
        return tags.count == elements.count && tags.allSatisfy { $0.utf8.count <= 512 } ? tags : nil
    }

    private static func dependencies(_ json: LooseJSON?) -> [String] {
        let plain = json?["dependsOn"]?.elements?.compactMap(\.value.string) ?? []
        let advanced = json?["advancedDependsOn"]?.elements?.compactMap { $0.text("taskUuid") } ?? []
        return plain + advanced
    }

    /// Members that only come back as they were sent, with the values of members left out.
    private static func echoed(_ json: LooseJSON) -> JSONObject {
        let defaults: [(String, JSONValue)] = [
            ("resourceBuckets", []), ("advancedResourceBuckets", []), ("labels", [:]), ("dependencies", ["dependsOn": []]),
            ("secretsAccessRights", ["bySecret": [], "byPrefix": []]), ("snapshotWhitelist", nil), ("snapshotBlacklist", nil),
            ("snapshotBucket", nil), ("snapshotBucketPrefix", nil), ("resultsWhitelist", nil), ("resultsBlacklist", nil),
            ("resultsBucketPrefix", nil), ("uploadResultsOnCancellation", nil), ("autoDeleteOnCompletion", false),
            ("completionTimeToLive", "00:00:00"), ("hardwareConstraints", []), ("schedulingType", "flex"),
            ("targetedReservedMachineKey", nil), ("privileges", ["exportApiAndStorageCredentialsInEnvironment": false]),
            ("retrySettings", ["maxTotalRetries": nil, "maxPerInstanceRetries": nil]), ("forcedNetworkRules", []),
            ("waitForPoolResourcesSynchronization", nil), ("projectUuid", nil), ("maxRetriesPerInstance", 0),
        ]
        return JSONObject(defaults.map { name, fallback in (name, json[name]?.value ?? fallback) })
    }
}
