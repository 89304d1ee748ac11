import Foundation
import Primitives
import Testing
import Transport

@testable import App

@Suite struct ServiceManagerTests {
    @Test(arguments: [["LISTEN_FDS": "1"], ["LISTEN_FDS": "1", "LISTEN_PID": "1"], ["LISTEN_PID": "\(getpid())"], [:]])
    func `descriptors of another process, or none, are nobody's`(_ environment: [String: String]) throws {
        #expect(try ServiceManager(environment: environment).activatedSockets().isEmpty)
    }

    @Test func `inherited sockets are found by address, those of a predecessor first, and what nobody named is kept`() throws {
        let sockets = try (0..<3).map { _ in try ListeningSocket(Endpoint("127.0.0.1:0")!) }
        var inherited = InheritedSockets(activated: sockets, handedOver: [sockets[0]])
        #expect(inherited.take(sockets[0].endpoint).count == 1)
        #expect(inherited.take(sockets[1].endpoint).count == 1)
        #expect(inherited.take(sockets[1].endpoint).isEmpty)
        #expect(inherited.unclaimed.map { $0[0].endpoint } == [sockets[2].endpoint])
    }
}
