internal import Primitives

/// A record as other systems take it (AUD-1).
package enum AuditExport: String, Sendable, CaseIterable {
    /// As it is stored.
    case jsonl
    /// RFC 4180, for tables.
    case csv
    /// Elastic Common Schema.
    case ecs
    /// Open Cybersecurity Schema Framework.
    case ocsf

    /// The line before the first record.
    package var heading: String? { self == .csv ? CSVExport.heading : nil }

    /// One line for one record.
    package func line(_ entry: AuditReader.Entry) -> String {
        switch self {
        case .jsonl: String(decoding: entry.line, as: UTF8.self)
        case .csv: CSVExport.line(entry.record)
        case .ecs: ECSExport.document(entry.record).text
        case .ocsf: OCSFExport.event(entry.record, raw: entry.line).text
        }
    }
}

/// The members of a record, read for export.
struct ExportedRecord {
    let json: JSONValue

    func text(_ key: String) -> String? { json[key]?.string }

    var event: String { text("event") ?? "" }
    var entry: EventCatalogue.Entry? { EventCatalogue.entry(event) }
    var isRefused: Bool { text("outcome") == "denied" || text("outcome") == "failure" }
    var time: Timestamp { text("ts").flatMap(Timestamp.init(rfc3339:)) ?? Timestamp(milliseconds: 0) }

    /// What has no place of its own in another schema.
    func members(except known: Set<String>) -> JSONValue? {
        let rest = json.object?.members.filter { !known.contains($0.key) }.map { ($0.key, $0.value) } ?? []
        return rest.isEmpty ? nil : .object(JSONObject(rest))
    }
}

/// An object that leaves out what is not known.
struct ExportObject {
    private(set) var object = JSONObject()

    mutating func set(_ key: String, _ value: JSONValue?) { if let value, !value.isNull { object.append(key, value) } }
    mutating func set(_ key: String, _ value: String?) { if let value { object.append(key, .string(value)) } }
    mutating func set(_ key: String, _ value: Int?) { if let value { object.append(key, .int(value)) } }

    /// An inner object, unless nothing is known of it.
    mutating func set(_ key: String, _ body: (inout ExportObject) -> Void) {
        var inner = ExportObject()
        body(&inner)
        if !inner.object.isEmpty { object.append(key, .object(inner.object)) }
    }

    var json: JSONValue { .object(object) }
}
