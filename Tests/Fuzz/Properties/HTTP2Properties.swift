import HTTP
import Primitives

/// Frames through a session that answers each request at once: it never grows beyond its bounds, and hands on no request that
/// HTTP/1 would not.
enum HTTP2Properties {
    static func violation(by input: [UInt8]) -> String? {
        var problem: String?
        let session = HTTP2Session { _ in 4096 }
        var events: [HTTP2Session.Event] = []
        var sent = 0
        let bytes = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8) + input
        var now = MonotonicTime(nanoseconds: 1)
        for start in stride(from: 0, to: bytes.count, by: 512) {
            let goesOn = session.receive(bytes.span.extracting(start..<min(start + 512, bytes.count)), at: now)
            now = now + .milliseconds(1)
            session.takeEvents(into: &events)
            for event in events {
                switch event {
                case .whole(let stream):
                    problem = problem ?? brokenRule(stream)
                    session.answer(stream, Response(.ok, body: .bytes([1, 2, 3])), date: [], isWhole: true)
                case .refused(let stream), .overloaded(let stream):
                    session.answer(stream, Response(.badRequest), date: [], isWhole: true)
                case .drained, .closed: break
                }
            }
            var output = ByteBuffer()
            while session.produce(into: &output, at: now) {
                sent += output.count
                output.removeAll()
            }
            if session.streams.count > 100 { return "more streams are open than were allowed" }
            if !goesOn || session.isOver { break }
        }
        // An answer is small; frames of control are answered with no more than they brought.
        if sent > 4096 + bytes.count * 8 { return "a peer made us send far more than it sent" }
        return problem
    }

    private static func brokenRule(_ stream: HTTP2Stream) -> String? {
        let request = stream.request
        if stream.refusal != nil { return "a refused request was told as whole" }
        guard request.path.hasPrefix("/") || request.path == "*" else { return "a path does not begin with a slash" }
        if request.fields.count(of: .host) != 1 { return "a request has not exactly one host" }
        for line in request.fields.lines {
            if line.name.utf8.contains(where: {
                (0x41...0x5A).contains($0) || $0 == UInt8(ascii: "_") || $0 == UInt8(ascii: ".") || $0 <= 0x20
            }) {
                return "a field name has a second spelling"
            }
            if line.value.utf8.contains(where: { $0 < 0x20 && $0 != 0x09 || $0 == 0x7F }) { return "a field holds a control byte" }
        }
        for hop in ["connection", "transfer-encoding", "keep-alive", "upgrade", "te"]
        where request.fields.lines.contains(where: { $0.name == hop }) {
            return "a field of the hop reached the responder"
        }
        return request.body.count > 4096 ? "a body is longer than its limit" : nil
    }
}
