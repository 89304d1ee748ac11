import Foundation
import Primitives

@testable import Audit

/// A folder of its own for one test, removed with it.
final class Place: Sendable {
    let root: String
    var folder: String { root + "/audit" }
    var head: String { root + "/audit.head" }

    init() throws {
        root = FileManager.default.temporaryDirectory.path + "/audit-" + UUID().uuidString
        try FileManager.default.createDirectory(atPath: root, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: root) }

    func open(
        _ durability: AuditLog.Durability = .strict, limits: AuditLog.Limits = .init(), disk: Disk = .system
    ) throws -> AuditLog {
        try AuditLog(folder: folder, headFile: head, durability: durability, node: "n1", limits: limits, disk: disk)
    }

    func verdict() throws -> AuditVerifier.Verdict { try AuditVerifier(folder: folder, headFile: head).verify() }

    func segment(_ number: Int = 1) -> String { folder + "/" + SegmentFolder.name(of: number) }

    func lines(_ segment: Int = 1) throws -> [String] {
        try String(contentsOfFile: self.segment(segment), encoding: .utf8).split(separator: "\n").map(String.init)
    }

    func replace(_ lines: [String], _ segment: Int = 1) throws {
        try Data(lines.map { $0 + "\n" }.joined().utf8).write(to: URL(fileURLWithPath: self.segment(segment)))
    }

    func append(_ text: String, _ segment: Int = 1) throws {
        let handle = try FileHandle(forWritingTo: URL(fileURLWithPath: self.segment(segment)))
        try handle.seekToEnd()
        try handle.write(contentsOf: Data(text.utf8))
        try handle.close()
    }

    func records() throws -> [JSONValue] { try AuditReader(folder: folder).tail(.max).map(\.record) }

    /// A log of `count` records, closed.
    func fill(_ count: Int) async throws {
        let log = try open()
        for index in 0..<count { try await log.append([.sample("test.\(index)")]) }
        await log.close()
    }
}

extension AuditRecord {
    static func sample(_ name: String, subject: String? = "alice", at time: Timestamp = Timestamp(seconds: 1_795_258_800))
        -> AuditRecord
    {
        AuditRecord(
            Event(name, subject: subject), in: AuditContext(requestID: RequestID("req-1"), source: IPAddress("192.0.2.7")), at: time
        )
    }
}

extension AuditVerifier.Verdict {
    var count: Int? { if case .ok(let count, _) = self { count } else { nil } }
    var defect: AuditVerifier.Defect? { if case .bad(let defect) = self { defect } else { nil } }
}
