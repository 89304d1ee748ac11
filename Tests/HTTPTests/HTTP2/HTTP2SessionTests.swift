import Primitives
import Testing

@testable import HTTP

@Suite struct HTTP2SessionTests {
    private static let date = Array("Thu, 01 Jan 1970 00:00:00 GMT".utf8)

    // MARK: Requests

    @Test func `a request is told when it is whole`() {
        let driver = SessionDriver()
        driver.send(Frames.headers(1, Frames.post, ends: false) + Frames.data(1, "ab", ends: false))
        #expect(driver.log.isEmpty)
        driver.send(Frames.data(1, "cd"))
        #expect(driver.log == ["1 whole POST /mcp abcd"])
        #expect(driver.streams[1]?.request.fields[.host] == "gw.example")
    }

    private static let conversation: [UInt8] = {
        var bytes = Frames.preface
        bytes += Frames.headers(1, Frames.get + [("accept", "*/*")])
        bytes += Frames.ping()
        bytes += Frames.headers(3, Frames.post + [("content-length", "3")], ends: false)
        bytes += Frames.data(3, "abc")
        bytes += Frames.headers(5, [(":method", "GET"), (":scheme", "https"), (":path", "/a/../b"), (":authority", "x")])
        return bytes
    }()

    @Test func `however a conversation is split, it means the same`() {
        let whole = SessionDriver(preface: false)
        whole.send(Self.conversation)
        #expect(whole.log == ["1 whole GET /mcp", "3 whole POST /mcp abc", "5 refused ambiguous_path"])
        for split in 1..<Self.conversation.count {
            let driver = SessionDriver(preface: false)
            driver.send(Array(Self.conversation[..<split]))
            driver.send(Array(Self.conversation[split...]))
            #expect(driver.log == whole.log, "split at \(split)")
        }
    }

    @Test func `cookies in pieces become one field (RFC 9113 §8.2.3)`() {
        let driver = SessionDriver()
        driver.send(Frames.headers(1, Frames.get + [("cookie", "a=1"), ("cookie", "b=2")]))
        #expect(driver.streams[1]?.request.fields.all(.cookie) == ["a=1; b=2"])
    }

    @Test func `fields of the hop and trailers end at the edge (HTTP-3, HDR-3)`() {
        let driver = SessionDriver()
        driver.send(
            Frames.headers(1, Frames.post + [("te", "trailers"), ("trailer", "x"), ("proxy-authorization", "x")], ends: false))
        driver.send(Frames.data(1, "ab", ends: false) + Frames.headers(1, [("x-late", "1"), ("authorization", "Bearer x")]))
        #expect(driver.log == ["1 whole POST /mcp ab"])
        #expect(driver.streams[1]?.request.fields.lines.map(\.name) == ["host"])
    }

    @Test func `a malformed trailer makes the request malformed`() {
        let driver = SessionDriver()
        driver.send(Frames.headers(1, Frames.post, ends: false) + Frames.headers(1, [("x", "\u{0}")]))
        #expect(driver.log == ["1 refused invalid_field_value"])
    }

    // MARK: Refusals

    struct Refusal: Sendable, CustomTestStringConvertible {
        let fields: [(String, String)]
        let reason: RequestRefusal
        var testDescription: String {
            "\(reason.rawValue): \(fields.map { "\($0.0): \($0.1.prefix(30))" }.joined(separator: ", "))"
        }

        init(_ reason: RequestRefusal, _ fields: [(String, String)]) { (self.fields, self.reason) = (fields, reason) }

        static func path(_ reason: RequestRefusal, _ path: String) -> Refusal { Refusal(reason, [(":path", path)]) }
    }

    static let refusals: [Refusal] = [
        Refusal(.unknownMethod, [(":method", "TRACE")]), Refusal(.unknownMethod, [(":method", "get")]),
        Refusal(.malformedTarget, [(":scheme", "ftp")]),
        Refusal(.invalidHost, [(":authority", "user@gw.example")]), Refusal(.invalidHost, [(":authority", "gw.example:99999")]),
        Refusal(.authorityMismatch, [("host", "other.example")]),
        .path(.ambiguousPath, "/a/../b"), .path(.ambiguousPath, "/a/%2e%2e/b"), .path(.ambiguousPath, "//a"),
        .path(.ambiguousPath, "/a;b"),
        .path(.ambiguousPath, "/a%2fb"), .path(.ambiguousPath, "/a%00"), .path(.malformedTarget, "/a#b"),
        .path(.requestLineTooLong, "/" + String(repeating: "a", count: 17_000)),
        Refusal(.invalidFieldName, [("x_user", "1")]), Refusal(.invalidFieldName, [("x.user", "1")]),
        Refusal(.invalidFieldValue, [("x-a", "a\u{1}b")]), Refusal(.invalidFieldValue, [("x-a", " a")]),
        Refusal(.invalidFieldValue, [("x-a", "a\t")]),
        Refusal(.unsupportedExpectation, [("expect", "200-ok")]),
        Refusal(.fieldsTooLarge, (0..<40).map { ("x-\($0)", String(repeating: "a", count: 900)) }),
        Refusal(.tooManyFields, (0..<101).map { ("x-\($0)", "a") }),
    ]

    @Test(arguments: refusals)
    func `what HTTP 1 refuses is refused in the same words (HTTP-3)`(_ refusal: Refusal) {
        let driver = SessionDriver()
        let names = Set(refusal.fields.map(\.0))
        let pseudo = Frames.get.filter { !names.contains($0.0) } + refusal.fields.filter { $0.0.hasPrefix(":") }
        driver.send(Frames.headers(1, pseudo + refusal.fields.filter { !$0.0.hasPrefix(":") }))
        #expect(driver.log == ["1 refused \(refusal.reason.rawValue)"])
    }

    struct Malformed: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let bytes: [UInt8]
    }

    static let malformed = [
        Malformed(testDescription: "an upper-case name", bytes: Frames.headers(1, Frames.get + [("X-A", "1")])),
        Malformed(testDescription: "connection", bytes: Frames.headers(1, Frames.get + [("connection", "close")])),
        Malformed(testDescription: "keep-alive", bytes: Frames.headers(1, Frames.get + [("keep-alive", "1")])),
        Malformed(testDescription: "proxy-connection", bytes: Frames.headers(1, Frames.get + [("proxy-connection", "close")])),
        Malformed(testDescription: "transfer-encoding", bytes: Frames.headers(1, Frames.get + [("transfer-encoding", "chunked")])),
        Malformed(testDescription: "upgrade", bytes: Frames.headers(1, Frames.get + [("upgrade", "h2c")])),
        Malformed(testDescription: "te other than trailers", bytes: Frames.headers(1, Frames.get + [("te", "gzip")])),
        Malformed(testDescription: "a pseudo-field after fields", bytes: Frames.headers(1, [("x-a", "1")] + Frames.get)),
        Malformed(testDescription: "a repeated pseudo-field", bytes: Frames.headers(1, Frames.get + [(":path", "/")])),
        Malformed(testDescription: "an unknown pseudo-field", bytes: Frames.headers(1, [(":user", "x")] + Frames.get)),
        Malformed(
            testDescription: "two hosts", bytes: Frames.headers(1, Frames.get + [("host", "gw.example"), ("host", "gw.example")])),
        Malformed(
            testDescription: "an asterisk without OPTIONS", bytes: Frames.headers(1, Frames.get.dropLast() + [(":path", "*")])),
        Malformed(testDescription: "no path", bytes: Frames.headers(1, Frames.get.filter { $0.0 != ":path" })),
        Malformed(testDescription: "no method", bytes: Frames.headers(1, Frames.get.filter { $0.0 != ":method" })),
        Malformed(testDescription: "CONNECT", bytes: Frames.headers(1, [(":method", "CONNECT")] + Frames.get.dropFirst())),
        Malformed(
            testDescription: "an extended CONNECT",
            bytes: Frames.headers(1, [(":method", "CONNECT"), (":protocol", "websocket")] + Frames.get.dropFirst())),
        Malformed(
            testDescription: "a body shorter than announced",
            bytes: Frames.headers(1, Frames.post + [("content-length", "5")], ends: false) + Frames.data(1, "ab")),
        Malformed(
            testDescription: "a body longer than announced",
            bytes: Frames.headers(1, Frames.post + [("content-length", "1")], ends: false) + Frames.data(1, "ab")),
        Malformed(
            testDescription: "two lengths",
            bytes: Frames.headers(1, Frames.post + [("content-length", "1"), ("content-length", "1")], ends: false)),
        Malformed(
            testDescription: "a length that is no number",
            bytes: Frames.headers(1, Frames.post + [("content-length", "+1")], ends: false)),
    ]

    @Test(arguments: malformed)
    func `a malformed request never reaches a responder (HTTP-3)`(_ malformed: Malformed) {
        let driver = SessionDriver()
        driver.send(malformed.bytes)
        let frames = driver.output()
        #expect(!driver.log.contains { $0.contains("whole") })
        #expect(frames.contains { $0.type == 3 && $0.stream == 1 } || frames.contains { $0.type == 7 })
        driver.send(Frames.headers(3, Frames.get))
        #expect(driver.log.last == "3 whole GET /mcp", "the others are still served")
    }

    @Test(arguments: [true, false])
    func `a body beyond its limit is refused`(_ isAnnounced: Bool) {
        let driver = SessionDriver(bodyLimit: 10)
        driver.send(Frames.headers(1, Frames.post + (isAnnounced ? [("content-length", "11")] : []), ends: false))
        if !isAnnounced { driver.send(Frames.data(1, "0123456789", ends: false) + Frames.data(1, "a", ends: false)) }
        #expect(driver.log == ["1 refused body_too_large"])
        #expect(driver.streams[1]?.request.body == [])
    }

    @Test func `bodies held for one connection are bounded`() {
        var limits = HTTP2Limits()
        limits.heldBodies = 15
        let driver = SessionDriver(limits: limits)
        driver.send(Frames.headers(1, Frames.post, ends: false) + Frames.data(1, "0123456789", ends: false))
        driver.send(Frames.headers(3, Frames.post, ends: false) + Frames.data(3, "0123456789", ends: false))
        #expect(driver.log == ["3 overloaded"])
    }

    @Test func `a hundred streams are open at once and no more`() {
        let driver = SessionDriver()
        for number in 0..<100 { driver.send(Frames.headers(UInt32(number) * 2 + 1, Frames.post, ends: false)) }
        driver.send(Frames.frame(4, 1, 0, []))  // the client knows our settings
        _ = driver.output()
        driver.send(Frames.headers(201, Frames.get))
        #expect(driver.session.streams.count == 100)
        #expect(driver.output().contains { $0.type == 3 && $0.stream == 201 || $0.type == 7 })
    }

    // MARK: Floods

    struct Flood: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let bytes: [UInt8]
    }

    /// So many times the same, each with an id of its own where it asks for one.
    private static func many(_ count: Int, _ make: (UInt32) -> [UInt8]) -> [UInt8] {
        var out: [UInt8] = []
        for number in 0..<count { out += make(UInt32(number) * 2 + 1) }
        return out
    }

    private static let openHead = Frames.frame(1, 0, 1, Frames.block(Frames.get))
    private static let openStream = Frames.headers(1, Frames.post, ends: false)
    private static let wide = Frames.block([("a", String(repeating: "b", count: 16_000))])

    static let floods: [Flood] = [
        Flood(
            testDescription: "rapid reset (CVE-2023-44487)", bytes: many(110) { Frames.headers($0, Frames.get) + Frames.reset($0) }),
        Flood(
            testDescription: "resets we are made to send (CVE-2025-8671)",
            bytes: many(250) { Frames.headers($0, Frames.post + [("content-length", "1")], ends: false) + Frames.data($0, "ab") }),
        Flood(testDescription: "pings (CVE-2019-9512)", bytes: many(110) { _ in Frames.ping() }),
        Flood(testDescription: "settings (CVE-2019-9515)", bytes: many(110) { _ in Frames.settings([(3, 100)]) }),
        Flood(
            testDescription: "empty data (CVE-2019-9518)", bytes: openStream + many(110) { _ in Frames.data(1, "", ends: false) }),
        Flood(testDescription: "priorities (CVE-2019-9513)", bytes: many(210) { _ in Frames.frame(2, 0, 1, [0, 0, 0, 0, 1]) }),
        Flood(testDescription: "window updates", bytes: openStream + many(600) { _ in Frames.windowUpdate(1, 1) }),
        Flood(
            testDescription: "continuations (CVE-2024-27316)",
            bytes: openHead + many(40) { _ in Frames.frame(9, 0, 1, Frames.block([("a", "b")])) }),
        Flood(testDescription: "a head without end", bytes: openHead + many(8) { _ in Frames.frame(9, 0, 1, wide) }),
    ]

    @Test(arguments: floods)
    func `a flood is answered by GOAWAY (HTTP-3)`(_ flood: Flood) {
        let driver = SessionDriver()
        var goesOn = true
        var frames: [UInt8] = []
        for start in stride(from: 0, to: flood.bytes.count, by: 4096) where goesOn {
            goesOn = driver.send(Array(flood.bytes[start..<min(start + 4096, flood.bytes.count)]))
            frames += driver.output().map(\.type)
        }
        #expect(!goesOn && frames.contains(7))
    }

    @Test func `patience comes back with time`() {
        let driver = SessionDriver()
        for _ in 0..<20 {
            #expect(driver.send((0..<60).flatMap { _ in Frames.ping() }))
            _ = driver.output()
            driver.now = driver.now + .seconds(3)
        }
    }

    // MARK: Answers

    private static func answered(_ response: Response, method: String = "GET", settings: [(UInt16, UInt32)] = []) -> SessionDriver {
        let driver = SessionDriver()
        if !settings.isEmpty { driver.send(Frames.settings(settings)) }
        driver.send(Frames.headers(1, [(":method", method)] + Frames.get.dropFirst()))
        _ = driver.output()
        if let stream = driver.streams[1] { driver.session.answer(stream, response, date: date, isWhole: true) }
        return driver
    }

    @Test func `an answer is a head and its body, and closes its stream`() {
        let driver = Self.answered(Response(.ok, body: .bytes(Array("hello".utf8))))
        let frames = driver.output()
        #expect(frames.map(\.type) == [1, 0])
        #expect(frames.last?.payload == Array("hello".utf8) && frames.last?.flags == Frames.endStream)
        #expect(driver.log.last == "1 closed" && driver.session.streams.isEmpty)
    }

    @Test func `HEAD is answered without a body`() {
        let frames = Self.answered(Response(.ok, body: .bytes(Array("hello".utf8))), method: "HEAD").output()
        #expect(frames.map(\.type) == [1] && frames[0].flags & Frames.endStream != 0)
    }

    @Test func `a body waits for the peer's window`() {
        let driver = Self.answered(Response(.ok, body: .bytes([UInt8](repeating: 1, count: 25))), settings: [(4, 10)])
        #expect(driver.output().filter { $0.type == 0 }.map(\.payload.count) == [10])
        #expect(driver.streams[1]?.hasPending == true)
        driver.send(Frames.windowUpdate(1, 10))
        #expect(driver.output().map(\.payload.count) == [10])
        driver.send(Frames.windowUpdate(1, 10))
        #expect(driver.output().map(\.payload.count) == [5])
        #expect(driver.log.last == "1 closed")
    }

    @Test func `a produced body leaves piece by piece, and its producer is told`() throws {
        let driver = SessionDriver()
        driver.send(Frames.headers(1, Frames.get))
        let stream = try #require(driver.streams[1])
        driver.session.answer(stream, Response(.ok), date: Self.date, isWhole: false)
        #expect(driver.output().filter { $0.stream == 1 }.map(\.type) == [1])
        driver.session.send(Array("one".utf8), on: stream)
        #expect(driver.output().map(\.payload) == [Array("one".utf8)])
        #expect(driver.log.last == "1 drained")
        driver.session.finish(stream)
        let last = driver.output()
        #expect(last.count == 1 && last[0].flags == Frames.endStream && last[0].payload.isEmpty)
        #expect(driver.log.last == "1 closed")
    }

    @Test func `a stream the peer resets is closed at once`() throws {
        let driver = SessionDriver()
        driver.send(Frames.headers(1, Frames.get) + Frames.reset(1))
        #expect(driver.log == ["1 whole GET /mcp", "1 closed"])
        let stream = try #require(driver.streams[1])
        driver.session.answer(stream, Response(.ok), date: Self.date, isWhole: true)
        #expect(!driver.output().contains { $0.stream == 1 })
    }

    @Test func `a client that waits is told to go on, before its body`() {
        let driver = SessionDriver()
        _ = driver.output()
        driver.send(Frames.headers(1, Frames.post + [("expect", "100-continue")], ends: false))
        #expect(driver.output().filter { $0.stream == 1 }.map(\.type) == [1])
        driver.send(Frames.data(1, "ab"))
        #expect(driver.log == ["1 whole POST /mcp ab"])
    }

    @Test func `a refused request is answered, and the rest of it is not wanted`() throws {
        let driver = SessionDriver(bodyLimit: 1)
        driver.send(Frames.headers(1, Frames.post, ends: false) + Frames.data(1, "abc", ends: false))
        let stream = try #require(driver.streams[1])
        driver.session.answer(stream, Response(.contentTooLarge), date: Self.date, isWhole: true)
        let frames = driver.output().filter { $0.stream == 1 }
        #expect(frames.map(\.type) == [1, 3] && frames[1].payload == Frames.four(0))
    }

    // MARK: The end

    @Test func `an announced end lets streams finish`() throws {
        let driver = SessionDriver()
        driver.send(Frames.headers(1, Frames.get))
        driver.session.announceEnd()
        #expect(driver.output().contains { $0.type == 7 && Array($0.payload[..<4]) == [0x7F, 0xFF, 0xFF, 0xFF] })
        driver.session.refuseNewStreams()
        #expect(driver.output().contains { $0.type == 7 && Array($0.payload[..<4]) == Frames.four(1) })
        #expect(!driver.session.isOver)
        let stream = try #require(driver.streams[1])
        driver.session.answer(stream, Response(.ok), date: Self.date, isWhole: true)
        _ = driver.output()
        #expect(driver.session.isOver)
    }

    @Test func `what is no HTTP 2 is the end`() {
        let driver = SessionDriver(preface: false)
        #expect(!driver.send(Array("GET / HTTP/1.1\r\n\r\n".utf8)))
    }

    @Test func `the limits are told in the first frame`() {
        let settings = SessionDriver().output().first { $0.type == 4 && $0.flags == 0 }
        #expect(settings?.payload == [0, 3] + Frames.four(100) + [0, 4] + Frames.four(256 * 1024) + [0, 6] + Frames.four(32_768))
    }
}
