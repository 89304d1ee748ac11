import Foundation
import Primitives
import Testing

@testable import Transport

@Suite struct LocalSocketTests {
    private let path = FileManager.default.temporaryDirectory.appending(path: "local-\(UUID().uuidString.prefix(8))").path

    /// Two ends of one connection; the calls block, so each end has its thread.
    private func connected() throws -> (listener: LocalListener, client: LocalConnection, server: LocalConnection) {
        let listener = try LocalListener(path: path)
        let client = try LocalConnection.connect(to: path, patience: .seconds(5))
        return (listener, client, try #require(listener.accept(patience: .seconds(5))))
    }

    @Test func `messages arrive whole, and listening sockets with them`() throws {
        let (listener, client, server) = try connected()
        defer { listener.removePath() }
        let sockets = [try ListeningSocket(Endpoint("127.0.0.1:0")!), try ListeningSocket(Endpoint("127.0.0.1:0")!)]
        try server.send("first", sockets)
        try server.send("second")
        let (first, second) = (try #require(try client.receive()), try #require(try client.receive()))
        #expect(first.message == "first" && second.message == "second" && second.sockets.isEmpty)
        #expect(first.sockets.map(\.endpoint) == sockets.map(\.endpoint))
        #expect(first.sockets.map(\.fd) != sockets.map(\.fd))
        #expect(first.sockets.allSatisfy { $0.isShared } && sockets.allSatisfy { !$0.isShared })
        #expect(client.isTrusted && server.isTrusted && client.peerID == Int(getpid()))
    }

    @Test func `an end that closed is told from one that says nothing`() throws {
        let listener = try LocalListener(path: path)
        defer { listener.removePath() }
        let client = try LocalConnection.connect(to: path, patience: .seconds(5))
        do { _ = try #require(listener.accept(patience: .seconds(5))) }
        let received = try client.receive()
        #expect(received == nil)
    }

    @Test func `nobody is there before a listener, nor after it closed`() throws {
        #expect(throws: SocketError.self) { try LocalConnection.connect(to: path, patience: .seconds(1)) }
        let listener = try LocalListener(path: path)
        listener.close()
        #expect(listener.accept(patience: .seconds(1)) == nil)
        #expect(throws: SocketError.self) { try LocalConnection.connect(to: path, patience: .seconds(1)) }
        listener.removePath()
    }

    @Test func `a later listener takes the path of an earlier one`() throws {
        let first = try LocalListener(path: path)
        let (second, client, server) = try connected()
        defer { second.removePath() }
        try server.send("from the second")
        #expect(try client.receive()?.message == "from the second")
        first.close()
    }

    @Test func `only this user may connect`() throws {
        let listener = try LocalListener(path: path)
        defer { listener.removePath() }
        let mode = try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
        #expect(mode == 0o600)
    }

    @Test func `a path too long for the kernel is an error that names it`() {
        let long = "/tmp/" + String(repeating: "x", count: 120)
        #expect { try LocalListener(path: long) } throws: { "\($0)".contains(long) }
    }

    @Test(arguments: [CInt(SOCK_STREAM.rawValue), CInt(SOCK_DGRAM.rawValue)])
    func `a descriptor that does not listen is refused`(_ kind: CInt) throws {
        let fd = socket(AF_INET, kind, 0)
        #expect(throws: SocketError.self) { try ListeningSocket(adopting: fd) }
    }

    @Test func `a datagram to nobody is lost without harm`() {
        #expect(!LocalDatagram.send("READY=1", to: "@gatehouse-nobody-\(UUID().uuidString)"))
    }
}
