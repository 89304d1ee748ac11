import Foundation
import Primitives
import Testing

@testable import Audit

@Suite struct ExportTests {
    private static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    private static func facts(_ schema: String) throws -> JSONValue {
        let file = root.appending(path: "Tests/Fixtures/audit/schemas.json")
        return try #require(try JSONValue(parsing: Array(try Data(contentsOf: file)))[schema])
    }

    /// A record with as little as possible, and one with everything.
    private static func entries(_ event: String) throws -> [AuditReader.Entry] {
        var full = Event(
            event, .denied, severity: .critical, reason: "why", actor: "root", subject: "ada", client: ClientID("c"),
            scopes: "qarnot:read qarnot:execute", details: [("what", "x")])
        (full.tool, full.engine, full.policy, full.milliseconds) = ("t", "qarnot", "limit.user", 12)
        let context = AuditContext(
            requestID: RequestID("r"), source: IPAddress("192.0.2.7"), userAgent: "ua", method: "POST", route: "/mcp", status: 403)
        var out = ByteWriter()
        var renderer = RecordRenderer(after: .empty, node: "n")
        renderer.append(AuditRecord(Event(event), in: AuditContext(requestID: RequestID("r"))), to: &out)
        renderer.append(AuditRecord(full, in: context), to: &out)
        return try out.bytes.split(separator: 0x0A).map {
            AuditReader.Entry(record: try JSONValue(parsing: Array($0)), line: Array($0))
        }
    }

    @Test(arguments: EventCatalogue.events)
    func `every event of the catalogue is a complete OCSF event`(_ event: String) throws {
        let facts = try Self.facts("ocsf")
        for entry in try Self.entries(event) {
            let json = try JSONValue(parsing: AuditExport.ocsf.line(entry))
            for key in facts["base"]?.array ?? [] { #expect(json[key.string!] != nil, "\(key)") }
            for key in facts["metadata"]?.array ?? [] { #expect(json["metadata"]?[key.string!] != nil) }
            let (classID, activity) = (try #require(json["class_uid"]?.int), try #require(json["activity_id"]?.int))
            let rules = try #require(facts["classes"]?[String(classID)])
            #expect(json["category_uid"]?.int == classID / 1000 && json["type_uid"]?.int == classID * 100 + activity)
            #expect(
                activity == 99
                    ? json["activity_name"]?.string == event : rules["activities"]?.array?.contains(.int(activity)) == true)
            #expect(facts["severities"]?.array?.contains(json["severity_id"]!) == true)
            #expect(facts["statuses"]?.array?.contains(json["status_id"]!) == true)
            Self.check(json, rules)
            for (name, rules) in facts["objects"]?.object?.members.map({ ($0.key, $0.value) }) ?? [] {
                if let object = json[name] { Self.check(object, rules) }
            }
            #expect(json["time"]?.int.map { $0 > 1_700_000_000_000 } == true)
        }
    }

    private static func check(_ json: JSONValue, _ rules: JSONValue) {
        for key in rules["required"]?.array ?? [] { #expect(json[key.string!] != nil, "\(key)") }
        let any = rules["any"]?.array ?? []
        #expect(any.isEmpty || any.contains { json[$0.string!] != nil })
    }

    @Test(arguments: EventCatalogue.events)
    func `every event of the catalogue has allowed ECS categories`(_ event: String) throws {
        let facts = try Self.facts("ecs")
        func isAllowed(_ list: String, _ value: JSONValue?) -> Bool {
            value.map { facts[list]?.array?.contains($0) == true } ?? false
        }
        for entry in try Self.entries(event) {
            let json = try JSONValue(parsing: AuditExport.ecs.line(entry))
            for key in facts["required"]?.array ?? [] { #expect(json[key.string!] != nil) }
            #expect(json["event"]?["action"]?.string == event)
            #expect(isAllowed("kind", json["event"]?["kind"]) && isAllowed("outcome", json["event"]?["outcome"]))
            let (categories, types) = (json["event"]?["category"]?.array ?? [], json["event"]?["type"]?.array ?? [])
            #expect(!categories.isEmpty && categories.allSatisfy { isAllowed("category", $0) })
            #expect(!types.isEmpty && types.allSatisfy { isAllowed("type", $0) })
        }
    }

    @Test func `nothing of a record is lost on the way`() throws {
        let entry = try Self.entries("mcp.tool.called")[1]
        let (ecs, ocsf) = (AuditExport.ecs.line(entry), AuditExport.ocsf.line(entry))
        for value in [
            "ada", "root", "192.0.2.7", "limit.user", "qarnot:execute", "why", "403", "POST", "/mcp", entry.record["hash"]!.string!,
        ] {
            #expect(ecs.contains(value) && ocsf.contains(value), "\(value)")
        }
        #expect(AuditExport.jsonl.line(entry) == String(decoding: entry.line, as: UTF8.self))
    }

    @Test func `CSV quotes, and no value is a formula (RFC 4180)`() throws {
        let event = Event("auth.login", reason: "a \"b\", c", subject: "=cmd()|x")
        var out = ByteWriter()
        var renderer = RecordRenderer(after: .empty, node: "n")
        renderer.append(AuditRecord(event, in: AuditContext(requestID: RequestID("r"))), to: &out)
        let line = Array(out.bytes.dropLast())
        let csv = AuditExport.csv.line(AuditReader.Entry(record: try JSONValue(parsing: line), line: line))
        #expect(csv.contains(",'=cmd()|x,") && csv.contains(",\"a \"\"b\"\", c\","))
        #expect(AuditExport.csv.heading?.hasPrefix("seq,ts,event,outcome,") == true)
    }

    /// Every name the sources give an event: literals of `Event(…)` and words that look like one.
    @Test func `no event is written that the catalogue does not know (AUD-1)`() throws {
        let folder = Self.root.appending(path: "Sources")
        let families = Set(EventCatalogue.events.map { String($0.prefix { $0 != "." }) })
        var unknown: Set<String> = []
        let files = FileManager.default.enumerator(at: folder, includingPropertiesForKeys: nil)
        while let file = files?.nextObject() as? URL {
            guard file.pathExtension == "swift", !file.path.contains("/Configuration/"), !file.path.contains("/Export/"),
                !file.path.contains("/Tracing/")
            else {
                continue
            }
            let text = try String(contentsOf: file, encoding: .utf8)
            for match in text.matches(of: /[Ee]vent\(\s*"([a-z_.]+)"/) { unknown.insert(String(match.1)) }
            for match in text.matches(of: /(?:\?|:|==|keyEvent\(|keyed\() "([a-z]+(?:\.[a-z_]+)+)"/) {
                if families.contains(String(match.1.prefix { $0 != "." })) { unknown.insert(String(match.1)) }
            }
        }
        #expect(unknown.count > 40)  // the pattern still finds them
        let missing = unknown.filter {
            EventCatalogue.entry($0) == nil && !$0.hasPrefix("server.") && !$0.hasPrefix("config.settings")
        }
        #expect(missing.isEmpty, "\(missing)")
    }
}
