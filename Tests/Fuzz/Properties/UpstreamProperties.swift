import HTTP
import Proxy

/// What a server behind us answers: however it is split it means the same, and it stays within its limits.
enum UpstreamProperties {
    static func headViolation(by input: [UInt8]) -> String? {
        let whole = head(of: input, piece: max(1, input.count))
        if head(of: input, piece: 1) != whole { return "the outcome depends on how the bytes were split" }
        guard case .head(let length, _, let status) = whole else { return nil }
        if length > input.count || length > ResponseHeadParser.headLimit { return "a head is longer than it may be" }
        return (100...999).contains(status) ? nil : "a status has other than three digits"
    }

    private enum Outcome: Equatable {
        case head(length: Int, UpstreamHead.Framing, status: Int)
        case refused(UpstreamRefusal)
        case unfinished
    }

    private static func head(of input: [UInt8], piece: Int) -> Outcome {
        var parser = ResponseHeadParser()
        var end = 0
        while end < input.count {
            end = min(input.count, end + piece)
            do throws(UpstreamRefusal) {
                if let head = try parser.parse(Array(input[..<end]).span) {
                    return .head(length: head.length, head.framing, status: head.status)
                }
            } catch { return .refused(error) }
        }
        return .unfinished
    }

    private static let eventLimit = 512

    static func eventViolation(by input: [UInt8]) -> String? {
        let whole = events(of: input, piece: max(1, input.count))
        if events(of: input, piece: 1) != whole { return "the events depend on how the bytes were split" }
        if events(of: input, piece: 7) != whole { return "pieces of seven bytes changed the events" }
        return whole?.contains { $0.data.count > eventLimit } ?? false ? "an event is longer than its limit" : nil
    }

    /// Nil when one was too large.
    private static func events(of input: [UInt8], piece: Int) -> [StreamEvent]? {
        var reader = EventReader(limit: eventLimit)
        var events: [StreamEvent] = []
        for start in stride(from: 0, to: input.count, by: piece) {
            do throws(EventReader.TooLarge) { try reader.feed(Array(input[start..<min(start + piece, input.count)])) } catch {
                return nil
            }
            while let event = reader.next() { events.append(event) }
        }
        return events
    }
}
