internal import Primitives

/// RFC 4180 with a heading. A value a spreadsheet would take for a formula gets an apostrophe before it.
enum CSVExport {
    private static let columns = [
        "seq", "ts", "event", "outcome", "severity", "actor", "subject", "client", "src", "request_id", "tool", "engine",
        "resource",
        "scopes", "policy", "reason", "arg_digest", "ms", "hash",
    ]

    static var heading: String { columns.joined(separator: ",") + ",details\r" }

    static func line(_ json: JSONValue) -> String {
        let record = ExportedRecord(json: json)
        let rest = record.members(except: Set(columns + ["prev", "node"]))
        let values = columns.map { column in json[column]?.string ?? json[column]?.int.map(String.init) ?? "" }
        return (values + [rest?.text ?? ""]).map(quoted).joined(separator: ",") + "\r"
    }

    private static func quoted(_ value: String) -> String {
        let plain = value.first.map { "=+-@\t".contains($0) } ?? false ? "'" + value : value
        guard plain.contains(where: { ",\"\r\n".contains($0) }) else { return plain }
        return "\"" + plain.split(separator: "\"", omittingEmptySubsequences: false).joined(separator: "\"\"") + "\""
    }
}
