import Crypto
import Foundation
import Primitives
import Synchronization
import Testing

@testable import Audit

@Suite struct WitnessTests {
    private func settings(_ signer: LocalSigner, _ witnesses: [Witness]) -> CheckpointSettings {
        CheckpointSettings(
            origin: "o", interval: .seconds(3600), records: 2, witnesses: witnesses, connect: signer.connect,
            report: { text in signer.reports.withLock { $0.append(text) } })
    }

    private func checkpoints(_ path: String) throws -> [Checkpoint] {
        try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n").compactMap {
            try Checkpoint(JSONValue(parsing: String($0)))
        }
    }

    @Test func `a witness keeps what the log must hold for ever (AUD-4)`() async throws {
        let place = try Place()
        let signer = LocalSigner(place)
        let kept = place.root + "/witness.jsonl"
        let log = try place.open()
        log.keepCheckpoints(settings(signer, [try #require(Witness("file:" + kept))]))
        for index in 0..<8 {
            try await log.append([.sample("test.\(index)")])
            if index % 2 == 1 { try await place.settle(after: index / 2 + 1) }
        }
        await log.close()
        let count = try place.checkpoints().count
        for _ in 0..<2000 {
            if let lines = try? checkpoints(kept).count, lines >= count { break }
            try await Task.sleep(for: .milliseconds(5))
        }
        let (key, witnessed) = (try signer.publicKey, try checkpoints(kept))
        #expect(witnessed.count == count)
        func verdict() throws -> AuditVerifier.Verdict {
            try AuditVerifier(folder: place.folder, headFile: nil, publicKey: key, witnessed: witnessed).verify()
        }
        #expect(try verdict().count == 8 + count)
        // Cut right behind a checkpoint: nothing in the copy itself tells.
        let lines = try place.lines()
        let cut = try #require(lines.indices.dropLast().last { lines[$0].contains("audit.checkpoint") })
        try place.replace(Array(lines[...cut]))
        #expect(try place.report(key).verdict.count == cut + 1)
        #expect(try verdict() == .truncated(count: cut + 1, expected: witnessed.last!.size + 1))
    }

    @Test func `two signed roots of one size are two logs`() async throws {
        let place = try Place()
        let signer = LocalSigner(place)
        try await place.fillSigned(4, signer)
        var tree = MerkleFrontier()
        let last = try #require(try place.checkpoints().last?["size"]?.int)
        for _ in 0..<last { tree.append(MerkleHash.leaf(SHA256.digest([1]))) }
        let key = try SignerFiles(keyPath: signer.keyPath).loadKey()
        let fork = try Checkpoint(tree, origin: "o", at: .now(), by: key)
        let verifier = AuditVerifier(folder: place.folder, headFile: nil, publicKey: key.publicKey, witnessed: [fork])
        #expect(try verifier.verify().defect?.reason == .inconsistent)
    }

    @Test func `a witness that is away costs no record, and what it missed is on record`() async throws {
        let place = try Place()
        let signer = LocalSigner(place)
        let log = try place.open()
        log.keepCheckpoints(
            CheckpointSettings(
                origin: "o", interval: .milliseconds(10), records: 1 << 20, witnesses: [Witness(name: "away") { _ in false }],
                connect: signer.connect, report: { text in signer.reports.withLock { $0.append(text) } }))
        try await place.settle(after: WitnessQueue.limit + 5)
        await log.close()
        let gap = try #require(try place.records().first { $0["reason"] == "witness_unreachable" })
        #expect(gap["witness"] == "away" && gap["dropped"]?.int == 1)
        #expect(try place.report(try signer.publicKey).verdict.count != nil)
    }

    @Test func `a witness that comes back gets what waited, in order and once`() {
        let seen = Mutex<[String]>([])
        let isAway = Mutex(3)
        let queue = WitnessQueue(
            Witness(name: "w") { line in
                guard
                    isAway.withLock({ away in
                        away -= 1
                        return away < 0
                    })
                else { return false }
                seen.withLock { $0.append(line) }
                return true
            }, pause: .milliseconds(1))
        for index in 0..<5 { queue.add("\(index)") }
        let isDone = Monitor(false)
        startThread {
            queue.run()
            isDone.update { $0 = true }
        }
        for _ in 0..<2000 where seen.withLock({ $0.count }) < 5 { usleep(2000) }
        queue.stop()
        #expect(isDone.wait(atMost: .seconds(10)) { $0 ? true : nil } == true)
        #expect(seen.withLock { $0 } == ["0", "1", "2", "3", "4"] && queue.takeDropped() == 0)
    }

    @Test func `syslog messages are those of RFC 5424`() {
        let text = SyslogTarget.message("{}", host: "gate", process: 7, at: Timestamp(seconds: 1_795_258_800))
        #expect(text == "<109>1 2026-11-21T11:00:00.000Z gate gatehouse 7 audit.checkpoint - {}")
    }

    @Test(arguments: [
        "", "syslog:unix:relative", "syslog:udp:host", "syslog:tcp::514", "syslog:tls:h:1", "file:relative", "http://h/",
        "syslog:udp:h:99999",
    ])
    func `anything else is no witness`(_ setting: String) { #expect(Witness(setting) == nil) }
}
