internal import Primitives

/// Elastic Common Schema 8: categorization by the catalogue, the rest of a record under `gatehouse`.
enum ECSExport {
    static func document(_ json: JSONValue) -> JSONValue {
        let record = ExportedRecord(json: json)
        var out = ExportObject()
        out.set("@timestamp", record.time.rfc3339)
        out.set("ecs") { $0.set("version", "8.11.0") }
        out.set("event") { event in
            event.set("kind", record.entry?.ocsfClass == 2004 ? "alert" : "event")
            if let entry = record.entry {
                event.set("category", .strings([entry.category]))
                event.set("type", .strings(record.isRefused ? entry.refusedTypes : entry.types))
            }
            event.set("action", record.event)
            event.set("outcome", outcome(record))
            event.set("reason", record.text("reason"))
            event.set("sequence", json["seq"]?.int)
            event.set("hash", record.text("hash"))
            event.set("severity", severity(record))
            event.set("module", "gatehouse")
            event.set("dataset", "gatehouse.audit")
            event.set("duration", json["ms"]?.int.map { $0 * 1_000_000 })
        }
        out.set("user") { $0.set("name", record.text("actor") ?? record.text("subject")) }
        out.set("source") { source in
            source.set("ip", record.text("src"))
            source.set("address", record.text("src"))
        }
        out.set("http") { http in
            http.set("request") { request in
                request.set("id", record.text("request_id"))
                request.set("method", json["http"]?["method"]?.string)
            }
            http.set("response") { $0.set("status_code", json["http"]?["status"]?.int) }
        }
        out.set("url") { $0.set("path", json["http"]?["route"]?.string) }
        out.set("user_agent") { $0.set("original", record.text("ua")) }
        out.set("rule") { $0.set("name", record.text("policy")) }
        out.set("service") { service in
            service.set("name", "gatehouse")
            service.set("node") { $0.set("name", record.text("node")) }
        }
        out.set("gatehouse", record.members(except: placed))
        return out.json
    }

    private static let placed: Set = [
        "ts", "event", "outcome", "reason", "seq", "hash", "severity", "ms", "src", "request_id", "http", "ua", "policy", "node",
    ]

    private static func outcome(_ record: ExportedRecord) -> String {
        switch record.text("outcome") {
        case "success": "success"
        case "denied", "failure": "failure"
        default: "unknown"  // an intent: nobody knows yet
        }
    }

    private static func severity(_ record: ExportedRecord) -> Int {
        switch record.text("severity") {
        case "critical": 5
        case "warning": 3
        default: 1
        }
    }
}
