import Crypto
import HTTP
import Primitives
import Synchronization

/// One request as a trace tells it: route, outcome and times; nobody's name and nothing anybody sent.
struct TraceSpan: Sendable {
    let context: TraceContext
    /// The client's own trace, when it named one.
    let link: TraceContext?
    let method: String
    let route: String
    let status: Int
    let requestID: String
    let begin: Timestamp
    let end: Timestamp

    var json: JSONValue {
        func text(_ key: String, _ value: String) -> JSONValue { ["key": .string(key), "value": ["stringValue": .string(value)]] }
        return [
            "traceId": .string(Hex.encode(context.traceID)), "spanId": .string(Hex.encode(context.spanID)),
            "name": .string("\(method) \(route)"), "kind": 2,
            "startTimeUnixNano": .string("\(begin.milliseconds)000000"), "endTimeUnixNano": .string("\(end.milliseconds)000000"),
            "attributes": [
                text("http.request.method", method), text("http.route", route), text("gatehouse.request_id", requestID),
                ["key": "http.response.status_code", "value": ["intValue": .string("\(status)")]],
            ],
            "status": status >= 500 ? ["code": 2] : [:],
            "links": .array(
                link.map {
                    [["traceId": .string(Hex.encode($0.traceID)), "spanId": .string(Hex.encode($0.spanID))]]
                } ?? []),
        ]
    }
}

/// Spans on their way out, a part for each loop. Full parts drop the newest and count it: a collector that is down must cost nothing.
final class TraceBuffer: Sendable {
    private static let capacity = 1024

    private final class Part: Sendable {
        let spans = Mutex<[TraceSpan]>([])
    }

    private let parts: [Part]
    private let dropped = CounterBlock(count: 1)

    init(loops: Int) { parts = (0..<max(1, loops)).map { _ in Part() } }

    func add(_ span: TraceSpan, loop: Int) {
        let isKept = parts[loop % parts.count].spans.withLock { spans in
            guard spans.count < Self.capacity else { return false }
            spans.append(span)
            return true
        }
        if !isKept { drop(1) }
    }

    func drop(_ count: Int) { dropped.add(UInt64(count), at: 0) }
    var droppedCount: UInt64 { dropped.value(at: 0) }

    func takeAll() -> [TraceSpan] {
        parts.flatMap { part in
            part.spans.withLock { spans in
                defer { spans = [] }
                return spans
            }
        }
    }
}

/// Makes spans of requests, of so many as the configuration says.
struct RequestTracer: Sendable {
    let share: Double
    let buffer: TraceBuffer

    /// - Parameter route: found out for the requests that are told of, not for all.
    func record(_ request: Request, route: @autoclosure () -> String, status: Int, _ context: RequestContext) {
        let trace = TraceContext(context.requestID)
        guard trace.isSampled(share: share) else { return }
        let end = Timestamp.now()
        buffer.add(
            TraceSpan(
                context: trace, link: request.fields.single(FieldName("traceparent")).flatMap { TraceContext(traceparent: $0) },
                method: request.method.rawValue, route: route(), status: status, requestID: context.requestID.text,
                begin: end - (MonotonicTime.now() - context.received), end: end),
            loop: context.loopIndex)
    }
}
