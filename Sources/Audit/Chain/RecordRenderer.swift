internal import Crypto
internal import Primitives

/// Turns records into lines of the chain: canonical JSON (RFC 8785) written in one pass, because its members come in sorted
/// order from a fixed list, with the `hash` as last member behind it.
struct RecordRenderer {
    private(set) var head: ChainHead
    private let node: String
    private var message: [UInt8] = []
    private var headHex: [UInt8]
    private var clock = ClockText()

    init(after head: ChainHead, node: String) {
        self.head = head
        self.node = node
        headHex = Self.hex(head.hash)
        message.reserveCapacity(2048)
    }

    /// Appends one line, and moves the head on to it.
    mutating func append(_ record: AuditRecord, to lines: inout [UInt8]) {
        ChainMessage.open(&message, after: head.hash)
        let sequence = head.count + 1
        write(record, sequence: sequence)
        let hash = ChainMessage.close(&message)
        head = ChainHead(count: sequence, hash: hash)
        headHex = Self.hex(hash)
        lines.append(contentsOf: message[ChainMessage.headerCount..<message.count - 1])
        lines.append(",\"hash\":\"")
        lines.append(contentsOf: headHex)
        lines.append("\"}\n")
    }

    private static func hex(_ bytes: [UInt8]) -> [UInt8] {
        unsafe [UInt8](unsafeUninitializedCapacity: bytes.count * 2) { out, filled in
            for index in 0..<bytes.count {
                unsafe out[index * 2] = Hex.digit(bytes[index] >> 4)
                unsafe out[index * 2 + 1] = Hex.digit(bytes[index] & 15)
            }
            filled = bytes.count * 2
        }
    }

    /// The record without `hash`. The calls below are in the order of their keys; that is what makes the result canonical.
    private mutating func write(_ record: AuditRecord, sequence: Int) {
        let event = record.event
        let context = record.context
        var members = MemberWriter(details: record.details)
        message.append(UInt8(ascii: "{"))
        members.text("actor", event.actor ?? event.subject, into: &message)
        members.text("arg_digest", event.argumentDigest, into: &message)
        members.text("client", event.client?.text, into: &message)
        members.text("engine", event.engine, into: &message)
        members.text("event", event.name, into: &message)
        members.text("grant_ref", event.grant?.text, into: &message)
        writeHTTP(context, &members)
        members.number("ms", event.milliseconds, into: &message)
        members.text("node", node, into: &message)
        members.text("outcome", event.outcome.rawValue, into: &message)
        members.text("policy", event.policy, into: &message)
        members.key("prev", into: &message)
        message.append(UInt8(ascii: "\""))
        message.append(contentsOf: headHex)
        message.append(UInt8(ascii: "\""))
        members.text("reason", event.reason, into: &message)
        members.text("request_id", context.requestID.text, into: &message)
        members.text("resource", event.resource, endingBefore: UInt8(ascii: "?"), into: &message)
        members.text("scopes", event.scopes, into: &message)
        members.number("seq", sequence, into: &message)
        members.text("severity", event.severity.rawValue, into: &message)
        members.text("src", context.source?.description, into: &message)
        members.text("subject", event.subject, into: &message)
        members.text("token_ref", event.tokenReference, into: &message)
        members.text("tool", event.tool, into: &message)
        members.key("ts", into: &message)
        clock.append(record.time, to: &message)
        members.text("ua", context.userAgent, into: &message)
        writeUpstream(event, &members)
        members.finish(into: &message)
        message.append(UInt8(ascii: "}"))
    }

    private mutating func writeHTTP(_ context: AuditContext, _ members: inout MemberWriter) {
        guard context.method != nil || context.route != nil || context.status != nil else { return }
        members.key("http", into: &message)
        var inner = MemberWriter(details: [])
        message.append(UInt8(ascii: "{"))
        inner.text("method", context.method, into: &message)
        inner.text("route", context.route, endingBefore: UInt8(ascii: "?"), into: &message)
        inner.number("status", context.status, into: &message)
        message.append(UInt8(ascii: "}"))
    }

    private mutating func writeUpstream(_ event: Event, _ members: inout MemberWriter) {
        guard event.upstreamHost != nil || event.upstreamStatus != nil else { return }
        members.key("upstream", into: &message)
        var inner = MemberWriter(details: [])
        message.append(UInt8(ascii: "{"))
        inner.text("host", event.upstreamHost, into: &message)
        inner.number("status", event.upstreamStatus, into: &message)
        message.append(UInt8(ascii: "}"))
    }
}

/// A quoted RFC 3339 time. Records come many to a second, so the part up to the second is kept.
private struct ClockText {
    private var second = Int64.min
    private var prefix: [UInt8] = []

    mutating func append(_ time: Timestamp, to out: inout [UInt8]) {
        if time.seconds != second || time.milliseconds < 0 {
            second = time.seconds
            prefix = Array("\"\(time.rfc3339)".utf8.dropLast(4))
        }
        out.append(contentsOf: prefix)
        let fraction = Int(time.milliseconds % 1000)
        out.append(0x30 + UInt8(truncatingIfNeeded: fraction / 100))
        out.append(0x30 + UInt8(truncatingIfNeeded: fraction / 10 % 10))
        out.append(0x30 + UInt8(truncatingIfNeeded: fraction % 10))
        out.append("Z\"")
    }
}
