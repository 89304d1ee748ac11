import Crypto
import Foundation
import Primitives
import Synchronization
import Testing

@testable import Audit

/// A signer on a thread of this process, at the other end of a real socket pair.
final class LocalSigner: Sendable {
    let keyPath: String
    private let channels = Mutex<[CInt]>([])
    let reports = Mutex<[String]>([])

    init(_ place: Place) { keyPath = place.root + "/audit.key" }

    var publicKey: Ed25519PublicKey {
        get throws { try Ed25519PublicKey(pem: Array(try Data(contentsOf: URL(fileURLWithPath: keyPath + ".pub")))) }
    }

    @Sendable func connect() throws(AuditError) -> SignerChannel {
        let ends = try SignerChannel.pair()
        let number = dup(ends.theirs.number)
        channels.withLock { $0.append(number) }
        let path = keyPath
        startThread { try? SignerService.run(descriptor: number, keyPath: path) }
        return ends.channel()
    }

    /// Cuts every conversation, as the death of the process does.
    func die() {
        channels.withLock { channels in
            for channel in channels { shutdown(channel, Int32(SHUT_RDWR)) }
            channels = []
        }
    }

    func settings(records: Int = 4, interval: Duration = .seconds(3600), retention: Duration? = nil) -> CheckpointSettings {
        CheckpointSettings(
            origin: "gate.example.com/audit", interval: interval, records: records, retention: retention, connect: connect,
            report: { text in self.reports.withLock { $0.append(text) } })
    }
}

extension Place {
    /// A closed log of `count` records with checkpoints every four, and one at begin and end.
    func fillSigned(_ count: Int, _ signer: LocalSigner, segment: Int = 1 << 20) async throws {
        let log = try open(limits: .init(segment: segment))
        log.keepCheckpoints(signer.settings())
        for index in 0..<count {
            try await log.append([.sample("test.\(index)")])
            if index % 4 == 3 { try await settle(after: index / 4 + 1) }
        }
        await log.close()
    }

    /// Waits until the log holds so many checkpoints.
    func settle(after count: Int) async throws {
        for _ in 0..<2000 {
            if try checkpoints().count >= count { return }
            try await Task.sleep(for: .milliseconds(5))
        }
        Issue.record("no checkpoint came")
    }

    func checkpoints() throws -> [JSONValue] { try records().filter { $0["event"] == "audit.checkpoint" } }

    func report(_ key: Ed25519PublicKey?) throws -> AuditVerifier.Report {
        try AuditVerifier(folder: folder, headFile: nil, publicKey: key).examine()
    }
}

@Suite struct CheckpointTests {
    @Test func `every so many records a signed root is chained (AUD-4)`() async throws {
        let place = try Place()
        let signer = LocalSigner(place)
        try await place.fillSigned(12, signer)
        let report = try place.report(try signer.publicKey)
        #expect(report.verdict.count == 12 + report.coverage.checkpoints)
        #expect(report.coverage.checkpoints >= 3)
        #expect(report.coverage.size == report.verdict.count! - 1)
        #expect(try place.verdict().count == report.verdict.count)
    }

    @Test func `empty intervals make checkpoints too (AUD-4)`() async throws {
        let place = try Place()
        let signer = LocalSigner(place)
        let log = try place.open()
        log.keepCheckpoints(signer.settings(records: 1 << 20, interval: .milliseconds(20)))
        try await place.settle(after: 4)
        await log.close()
        #expect(try place.records().allSatisfy { $0["event"] == "audit.checkpoint" })
        #expect(try place.report(try signer.publicKey).coverage.checkpoints >= 4)
    }

    @Test func `a restart continues the tree, whether the signer remembers or not`() async throws {
        let place = try Place()
        let signer = LocalSigner(place)
        try await place.fillSigned(5, signer)
        try await place.fill(3)  // by a command, without a signer
        try await place.fillSigned(2, signer)
        try FileManager.default.removeItem(atPath: signer.keyPath + ".state")
        try await place.fillSigned(6, signer)
        let report = try place.report(try signer.publicKey)
        #expect(report.verdict.count == 16 + report.coverage.checkpoints)
    }

    @Test func `records of other processes are in the next root`() async throws {
        let place = try Place()
        let signer = LocalSigner(place)
        let (server, command) = (try place.open(), try place.open())
        server.keepCheckpoints(signer.settings(records: 3))
        for index in 0..<9 { try await (index % 2 == 0 ? server : command).append([.sample("turn.\(index)")]) }
        await command.close()
        await server.close()
        let report = try place.report(try signer.publicKey)
        #expect(report.coverage.size == report.verdict.count! - 1)
    }

    @Test func `a signer that dies is replaced, and its absence is on record`() async throws {
        let place = try Place()
        let signer = LocalSigner(place)
        let log = try place.open()
        log.keepCheckpoints(signer.settings(records: 1, interval: .milliseconds(40)))
        try await log.append([.sample("before")])
        try await place.settle(after: 1)
        signer.die()
        for _ in 0..<2000 {
            if try place.records().contains(where: { $0["reason"] == "signer_lost" }) { break }
            try await Task.sleep(for: .milliseconds(5))
        }
        let count = try place.checkpoints().count
        try await log.append([.sample("after")])
        try await place.settle(after: count + 1)
        await log.close()
        #expect(try place.records().contains { $0["event"] == "audit.gap" && $0["reason"] == "signer_lost" })
        #expect(try place.report(try signer.publicKey).verdict.count != nil)
        #expect(signer.reports.withLock { $0.count } == 1)
    }

    @Test func `a log cut below what was signed gets no more signatures`() async throws {
        let place = try Place()
        let signer = LocalSigner(place)
        try await place.fillSigned(8, signer)
        try FileManager.default.removeItem(atPath: place.folder)
        try FileManager.default.removeItem(atPath: place.head)
        let log = try place.open()
        log.keepCheckpoints(signer.settings())
        for _ in 0..<2000 where signer.reports.withLock({ $0.isEmpty }) { try await Task.sleep(for: .milliseconds(5)) }
        await log.close()
        #expect(try place.checkpoints().isEmpty)
        #expect(try place.records().contains { $0["reason"] == "signer_ahead" })
    }

    @Test func `the key is its owner's alone, and a key others may read is refused (AUD-5)`() async throws {
        let place = try Place()
        let signer = LocalSigner(place)
        try await place.fillSigned(1, signer)
        let attributes = try FileManager.default.attributesOfItem(atPath: signer.keyPath)
        #expect(attributes[.posixPermissions] as? Int == 0o400)
        try FileManager.default.setAttributes([.posixPermissions: 0o440], ofItemAtPath: signer.keyPath)
        let channel = try signer.connect()
        #expect(throws: AuditError(.noSigner)) { try channel.awaitGreeting(atMost: .seconds(10)) }
    }

    @Test func `of two signers of one key the second waits`() async throws {
        let place = try Place()
        let signer = LocalSigner(place)
        var first: SignerChannel? = try signer.connect()
        try first?.awaitGreeting(atMost: .seconds(10))
        let second = try signer.connect()
        #expect(try second.receive(atMost: .seconds(10)) == .waiting)
        first = nil
        guard case .ready = try second.receive(atMost: .seconds(10)) else { return #expect(Bool(false)) }
    }
}
