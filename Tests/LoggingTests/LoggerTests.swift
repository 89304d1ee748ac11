import Logging
import Primitives
import Testing

@Suite struct LoggerTests {
    /// Logs one event and returns the line.
    private func line(_ format: Logger.Format, _ metadata: Logger.Metadata, bound: Logger.Metadata = []) -> String {
        let lines = Monitor([[UInt8]]())
        let logger = Logger(
            level: .info, format: format, sink: { line in lines.update { $0.append(line) } },
            now: { Timestamp(milliseconds: 0) })
        logger.debug("too quiet to be heard")
        logger.with(bound).info("started", metadata)
        let all = lines.update { $0 }
        return all.count == 1 ? String(decoding: all[0], as: UTF8.self) : "\(all.count) lines"
    }

    @Test func `a JSON line carries time, level, message and metadata in order`() {
        #expect(
            line(.json, [("server.port", 8443), ("ok", true), ("ratio", 0.5)], bound: [("request.id", "r1")])
                == #"{"time":"1970-01-01T00:00:00.000Z","level":"info","message":"started","request.id":"r1","server.port":8443,"ok":true,"ratio":0.5}"#
                + "\n")
    }

    @Test func `a text line is the same for people`() {
        #expect(line(.text, [("peer", "::1")]) == "1970-01-01T00:00:00.000Z info started peer=\"::1\"\n")
    }

    @Test(arguments: ["a\nb", "a\r\nb", "\u{1B}[2J", "\u{2028}", "\u{9B}31m", "say \"hi\"", "\\", "\0"])
    func `nothing in a value can end the line or steer a terminal`(_ value: String) throws {
        let line = line(.json, [("value", .string(value))])
        #expect(line.utf8.dropLast().allSatisfy { $0 >= 0x20 && $0 != 0x7F })
        #expect(try JSONValue(parsing: line)["value"]?.string == value)
    }

    @Test func `a long value is cut`() {
        #expect(line(.json, [("value", .string(String(repeating: "x", count: 100_000)))]).utf8.count < 1200)
    }

    @Test func `levels are ordered by urgency`() {
        #expect(Logger.Level.allCases.sorted() == [.debug, .info, .notice, .warning, .error])
    }
}
