internal import Primitives

/// Open Cybersecurity Schema Framework 1.x: what each class requires, and the rest of a record under `unmapped`.
enum OCSFExport {
    static func event(_ json: JSONValue, raw: [UInt8]) -> JSONValue {
        let record = ExportedRecord(json: json)
        let (classID, activity) = record.entry.map { ($0.ocsfClass, $0.ocsfActivity) } ?? (0, 99)
        var out = ExportObject()
        out.set("category_uid", classID / 1000)
        out.set("class_uid", classID)
        out.set("activity_id", activity)
        if activity == 99 { out.set("activity_name", record.event) }
        out.set("type_uid", classID * 100 + activity)
        out.set("time", Int(record.time.milliseconds))
        out.set("severity_id", record.text("severity") == "critical" ? 5 : record.text("severity") == "warning" ? 3 : 1)
        out.set("status_id", record.isRefused ? 2 : record.text("outcome") == "success" ? 1 : 0)
        out.set("status_detail", record.text("reason"))
        out.set("message", record.event)
        out.set("metadata") { metadata in
            metadata.set("version", "1.3.0")
            metadata.set("product") { product in
                product.set("name", "Gatehouse")
                product.set("vendor_name", "Gatehouse")
            }
            metadata.set("event_code", record.event)
            metadata.set("uid", record.text("hash"))
            metadata.set("sequence", json["seq"]?.int)
            metadata.set("log_name", "gatehouse.audit/1")
            metadata.set("correlation_uid", record.text("request_id"))
            metadata.set("original_time", record.text("ts"))
        }
        addClass(classID, record, &out)
        out.set("unmapped", record.members(except: ["ts", "event", "reason", "seq", "severity", "request_id", "hash"]))
        return out.json
    }

    /// What the class requires, or wants one of.
    private static func addClass(_ classID: Int, _ record: ExportedRecord, _ out: inout ExportObject) {
        let user = person(record.text("subject") ?? record.text("actor") ?? record.text("client"))
        let actor: JSONValue = ["user": person(record.text("actor") ?? record.text("client"))]
        let source: JSONValue =
            record.text("src").map { ["ip": .string($0)] } ?? ["name": .string(record.text("node") ?? "gatehouse")]
        switch classID {
        case 2004:
            out.set(
                "finding_info",
                ["uid": .string(record.text("hash") ?? record.event), "title": .string(record.event)] as JSONValue)
            out.set("actor", actor)
        case 3001, 3005: addParties(user, actor, source, &out)
        case 3002:
            addParties(user, actor, source, &out)
            out.set("service", ["name": "gatehouse"] as JSONValue)
        case 3003:
            addParties(user, actor, source, &out)
            let scopes = record.text("scopes")?.split(separator: " ").map(String.init) ?? []
            out.set("privileges", JSONValue.strings(scopes.isEmpty ? ["none"] : scopes))
        case 3004:
            let name = record.text("client") ?? record.text("engine") ?? record.text("subject") ?? record.event
            out.set("entity", ["name": .string(name), "type": .string(String(record.event.prefix { $0 != "." }))] as JSONValue)
            out.set("actor", actor)
        case 3006:
            out.set("group", ["name": .string(record.text("subject") ?? record.event)] as JSONValue)
            out.set("actor", actor)
        case 4002: addRequest(record, source, &out)
        case 6002: out.set("app", ["name": "Gatehouse", "vendor_name": "Gatehouse"] as JSONValue)
        case 6003:
            out.set("actor", actor)
            out.set("api") { api in
                api.set("operation", record.text("tool") ?? record.json["http"]?["route"]?.string ?? record.event)
                api.set("request") { $0.set("uid", record.text("request_id")) }
                api.set("service") { $0.set("name", record.text("engine")) }
            }
            out.set("src_endpoint", source)
        default: break
        }
    }

    private static func addParties(_ user: JSONValue, _ actor: JSONValue, _ source: JSONValue, _ out: inout ExportObject) {
        out.set("user", user)
        out.set("actor", actor)
        out.set("src_endpoint", source)
    }

    private static func addRequest(_ record: ExportedRecord, _ source: JSONValue, _ out: inout ExportObject) {
        out.set("src_endpoint", source)
        out.set("http_request") { request in
            request.set("uid", record.text("request_id"))
            request.set("http_method", record.json["http"]?["method"]?.string)
            request.set("user_agent", record.text("ua"))
            request.set("url") { $0.set("path", record.json["http"]?["route"]?.string) }
        }
        out.set("http_response") { $0.set("code", record.json["http"]?["status"]?.int) }
    }

    private static func person(_ name: String?) -> JSONValue { ["name": .string(name ?? "unknown")] }
}
