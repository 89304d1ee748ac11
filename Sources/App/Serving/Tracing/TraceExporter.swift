import Client
import HTTP
import Logging
import Primitives

/// Sends spans to a collector every few seconds, as OTLP over HTTP in JSON. What it does not take is dropped.
struct TraceExporter: Sendable {
    let buffer: TraceBuffer
    let client: HTTPClient
    let sleeper: any Sleeper
    let logger: Logger
    /// Asked each time, since a reload may change it.
    let settings: @Sendable () -> Configuration.Traces

    private static let interval = Duration.seconds(2)
    private static let batch = 512

    /// Runs until the task is cancelled. What was gathered since the last interval is lost then.
    func run() async {
        var wasTold = false
        while (try? await sleeper.sleep(for: Self.interval)) != nil { await flush(&wasTold) }
    }

    private func flush(_ wasTold: inout Bool) async {
        let spans = buffer.takeAll()
        guard let endpoint = settings().endpoint, !spans.isEmpty else { return }
        for start in stride(from: 0, to: spans.count, by: Self.batch) {
            let part = spans[start..<min(start + Self.batch, spans.count)]
            if await send(Array(part), to: endpoint) {
                wasTold = false
            } else {
                buffer.drop(part.count)
                // Once for each time the collector goes away: it must not fill the log.
                if !wasTold { logger.warning("the trace collector does not take spans", [("url.full", .string(endpoint))]) }
                wasTold = true
            }
        }
    }

    private func send(_ spans: [TraceSpan], to endpoint: String) async -> Bool {
        var request = OutboundRequest(.post, endpoint, fields: [("Content-Type", "application/json")])
        if let secret = settings().authorization { request.secretFields = [("Authorization", Secret(secret))] }
        request.body = Array(Self.document(spans).text.utf8)
        request.timeout = .seconds(5)
        let answer = try? await client.send(request)
        return answer.map { (200..<300).contains($0.status) } ?? false
    }

    static func document(_ spans: [TraceSpan]) -> JSONValue {
        let service: JSONValue = [
            ["key": "service.name", "value": ["stringValue": "gatehouse"]],
            ["key": "service.version", "value": ["stringValue": .string(Version.current)]],
        ]
        let scope: JSONValue = ["scope": ["name": "gatehouse"], "spans": .array(spans.map(\.json))]
        return ["resourceSpans": [["resource": ["attributes": service], "scopeSpans": [scope]]]]
    }
}
