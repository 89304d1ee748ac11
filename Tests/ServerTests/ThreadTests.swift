import Foundation
import HTTP
import Primitives
import Server
import Testing
import Transport

/// How many threads the process has now.
private func threadCount() throws -> Int { try FileManager.default.contentsOfDirectory(atPath: "/proc/self/task").count }

@Suite struct ThreadTests {
    @Test func `requests and timers bring no thread of their own (R1, R12)`() async {
        await #expect(processExitsWith: .success) {
            let group = Monitor<EventLoopGroup?>(nil)
            let fixture = try ServerFixture(
                Answer { _, _ in
                    try? await group.update { $0 }?.current.sleep(for: .milliseconds(1))
                    return .text("ok")
                }, loops: 2)
            group.update { $0 = fixture.group }
            func requests(_ count: Int) async throws {
                for _ in 0..<count {
                    let client = try fixture.connect()
                    client.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
                    _ = try await client.readToEnd()
                }
            }
            try await requests(20)
            let before = try threadCount()
            try await requests(100)
            exit(try threadCount() <= before ? 0 : 1)
        }
    }
}
