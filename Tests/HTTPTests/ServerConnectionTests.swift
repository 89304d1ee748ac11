import HTTP
import Testing

@Suite struct ServerConnectionTests {
    private func step(_ machine: inout ServerConnection, _ text: String) throws(RequestRefusal) -> ServerConnection.Step {
        try machine.advance(Array(text.utf8).span).step
    }

    @Test func `a request without a body is answered right after its head`() throws {
        var machine = ServerConnection()
        #expect(try step(&machine, "") == .awaitRequest)
        #expect(try step(&machine, "GET") == .awaitHead)
        #expect(machine.isMidRequest)
        #expect(try step(&machine, "GET / HTTP/1.1\r\nHost: a\r\n\r\n") == .judge)
        #expect(try machine.acceptBody(limit: 0) == false)
        #expect(try step(&machine, "") == .respond)
        #expect(machine.finish(keepsOpen: true) == .readNext)
        #expect(try step(&machine, "") == .awaitRequest)
    }

    @Test func `a client that waits for 100 is told once the body is accepted`() throws {
        var machine = ServerConnection()
        #expect(try step(&machine, "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n") == .judge)
        #expect(try machine.acceptBody(limit: 10))
        #expect(try step(&machine, "h") == .awaitBody)
        #expect(try step(&machine, "i") == .respond)
        #expect(machine.request.body == Array("hi".utf8))
    }

    @Test func `an announced body beyond the limit is refused unread, and the connection ends`() throws {
        var machine = ServerConnection()
        #expect(try step(&machine, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\n\r\n") == .judge)
        #expect(throws: RequestRefusal.bodyTooLarge) { try machine.acceptBody(limit: 10) }
        #expect(machine.refuse() == .closeLingering)
    }

    @Test(arguments: ["GET / HTTP/1.1\r\nHost: a\r\nConnection: Close\r\n\r\n", "GET / HTTP/1.0\r\nHost: a\r\n\r\n"])
    func `a client that wants to close gets its way`(_ head: String) throws {
        var machine = ServerConnection()
        #expect(try step(&machine, head) == .judge)
        _ = try machine.acceptBody(limit: 0)
        #expect(machine.finish(keepsOpen: true) == .close)
    }

    @Test func `only the bytes of the request are consumed`() throws {
        let input = Array("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhiGET /next".utf8)
        #expect(Feeder.message(input, pieces: []) == .message("POST / ?- host=a", body: Array("hi".utf8), rest: 9))
    }

    @Test func `a body split anywhere is the same body`() {
        let input = Array("POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n{\"a\":1}\r\n".utf8)
        for split in 1..<input.count {
            #expect(
                Feeder.message(input, pieces: [split]) == .message("POST /x ?- host=a", body: Array("{\"a\":1}\r\n".utf8), rest: 0))
        }
    }
}
