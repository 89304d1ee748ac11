internal import Primitives

/// A record as canonical JSON (RFC 8785), written in one pass because its members come in sorted order from a fixed list,
/// without `hash` and with three values left out that only the log knows.
struct RecordBody: Sendable {
    let bytes: [UInt8]
    /// Where the value of `node` belongs.
    let node: Int
    /// Where the digits of `prev` belong, within its quotes.
    let previous: Int
    /// Where the value of `seq` belongs.
    let sequence: Int

    /// The calls below are in the order of their keys; that is what makes the result canonical.
    /// - Parameter details: sorted, and none of our keys.
    init(
        _ event: borrowing Event, _ context: borrowing AuditContext, _ time: Timestamp, _ details: [(key: String, value: JSONValue)]
    ) {
        let caller = event.caller
        var members = MemberWriter(details: details)
        var out = ByteWriter(capacity: 960)
        members.text(#","actor":""#, event.actor ?? event.subject ?? caller?.username, into: &out)
        members.text(#","arg_digest":""#, event.argumentDigest, into: &out)
        members.text(#","client":""#, event.client?.text ?? caller?.clientID?.text, into: &out)
        members.text(#","engine":""#, event.engine, into: &out)
        members.text(#","event":""#, event.name, into: &out)
        members.text(#","grant_ref":""#, event.grant?.text ?? caller?.grantID?.text, into: &out)
        Self.write(context, &members, &out)
        members.number(#","ms":"#, event.milliseconds, into: &out)
        members.key(#","node":"#, into: &out)
        node = out.count
        members.text(#","outcome":""#, event.outcome.rawValue, into: &out)
        members.text(#","policy":""#, event.policy, into: &out)
        members.key(#","prev":""#, into: &out)
        previous = out.count
        out.append(UInt8(ascii: "\""))
        members.text(#","reason":""#, event.reason, into: &out)
        members.text(#","request_id":""#, context.requestID.text, into: &out)
        members.text(#","resource":""#, event.resource, endingBefore: UInt8(ascii: "?"), into: &out)
        members.text(#","scopes":""#, event.scopes ?? caller?.scopes.description, into: &out)
        members.key(#","seq":"#, into: &out)
        sequence = out.count
        members.text(#","severity":""#, event.severity.rawValue, into: &out)
        members.address(#","src":""#, context.source, into: &out)
        members.text(#","subject":""#, event.subject ?? caller?.username, into: &out)
        members.text(#","token_ref":""#, event.tokenReference ?? caller?.tokenReference, into: &out)
        members.text(#","tool":""#, event.tool, into: &out)
        members.key(#","ts":""#, into: &out)
        out.append(auditTime: time)
        out.append(UInt8(ascii: "\""))
        members.text(#","ua":""#, context.userAgent, into: &out)
        Self.writeUpstream(event, &members, &out)
        members.finish(into: &out)
        out.append(UInt8(ascii: "}"))
        out.set(UInt8(ascii: "{"), at: 0)
        bytes = out.bytes
    }

    private static func write(_ context: borrowing AuditContext, _ members: inout MemberWriter, _ out: inout ByteWriter) {
        guard context.method != nil || context.route != nil || context.status != nil else { return }
        members.key(#","http":"#, into: &out)
        var inner = MemberWriter(details: [])
        let start = out.count
        inner.text(#","method":""#, context.method, into: &out)
        inner.text(#","route":""#, context.route, endingBefore: UInt8(ascii: "?"), into: &out)
        inner.number(#","status":"#, context.status, into: &out)
        out.append(UInt8(ascii: "}"))
        out.set(UInt8(ascii: "{"), at: start)
    }

    private static func writeUpstream(_ event: borrowing Event, _ members: inout MemberWriter, _ out: inout ByteWriter) {
        guard event.upstreamHost != nil || event.upstreamStatus != nil else { return }
        members.key(#","upstream":"#, into: &out)
        var inner = MemberWriter(details: [])
        let start = out.count
        inner.text(#","host":""#, event.upstreamHost, into: &out)
        inner.number(#","status":"#, event.upstreamStatus, into: &out)
        out.append(UInt8(ascii: "}"))
        out.set(UInt8(ascii: "{"), at: start)
    }
}
