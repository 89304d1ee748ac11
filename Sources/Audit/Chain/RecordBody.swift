internal import Primitives

/// A record as canonical JSON (RFC 8785), written in one pass because its members come in sorted order from a fixed list,
/// without `hash` and with three values left out that only the log knows.
struct RecordBody: Sendable {
    private(set) var bytes: [UInt8] = []
    /// Where the value of `node` belongs.
    private(set) var node = 0
    /// Where the digits of `prev` belong, within its quotes.
    private(set) var previous = 0
    /// Where the value of `seq` belongs.
    private(set) var sequence = 0

    /// The calls below are in the order of their keys; that is what makes the result canonical.
    /// - Parameter details: sorted, and none of our keys.
    init(
        _ event: borrowing Event, _ context: borrowing AuditContext, _ time: Timestamp, _ details: [(key: String, value: JSONValue)]
    ) {
        var members = MemberWriter(details: details)
        bytes.reserveCapacity(1024)
        bytes.append(UInt8(ascii: "{"))
        members.text("actor", event.actor ?? event.subject, into: &bytes)
        members.text("arg_digest", event.argumentDigest, into: &bytes)
        members.text("client", event.client?.text, into: &bytes)
        members.text("engine", event.engine, into: &bytes)
        members.text("event", event.name, into: &bytes)
        members.text("grant_ref", event.grant?.text, into: &bytes)
        writeHTTP(context, &members)
        members.number("ms", event.milliseconds, into: &bytes)
        members.key("node", into: &bytes)
        node = bytes.count
        members.text("outcome", event.outcome.rawValue, into: &bytes)
        members.text("policy", event.policy, into: &bytes)
        members.key("prev", into: &bytes)
        bytes.append(UInt8(ascii: "\""))
        previous = bytes.count
        bytes.append(UInt8(ascii: "\""))
        members.text("reason", event.reason, into: &bytes)
        members.text("request_id", context.requestID.text, into: &bytes)
        members.text("resource", event.resource, endingBefore: UInt8(ascii: "?"), into: &bytes)
        members.text("scopes", event.scopes, into: &bytes)
        members.key("seq", into: &bytes)
        sequence = bytes.count
        members.text("severity", event.severity.rawValue, into: &bytes)
        members.text("src", context.source?.description, into: &bytes)
        members.text("subject", event.subject, into: &bytes)
        members.text("token_ref", event.tokenReference, into: &bytes)
        members.text("tool", event.tool, into: &bytes)
        members.key("ts", into: &bytes)
        bytes.append(auditTime: time)
        members.text("ua", context.userAgent, into: &bytes)
        writeUpstream(event, &members)
        members.finish(into: &bytes)
        bytes.append(UInt8(ascii: "}"))
    }

    private mutating func writeHTTP(_ context: borrowing AuditContext, _ members: inout MemberWriter) {
        guard context.method != nil || context.route != nil || context.status != nil else { return }
        members.key("http", into: &bytes)
        var inner = MemberWriter(details: [])
        bytes.append(UInt8(ascii: "{"))
        inner.text("method", context.method, into: &bytes)
        inner.text("route", context.route, endingBefore: UInt8(ascii: "?"), into: &bytes)
        inner.number("status", context.status, into: &bytes)
        bytes.append(UInt8(ascii: "}"))
    }

    private mutating func writeUpstream(_ event: borrowing Event, _ members: inout MemberWriter) {
        guard event.upstreamHost != nil || event.upstreamStatus != nil else { return }
        members.key("upstream", into: &bytes)
        var inner = MemberWriter(details: [])
        bytes.append(UInt8(ascii: "{"))
        inner.text("host", event.upstreamHost, into: &bytes)
        inner.number("status", event.upstreamStatus, into: &bytes)
        bytes.append(UInt8(ascii: "}"))
    }
}
