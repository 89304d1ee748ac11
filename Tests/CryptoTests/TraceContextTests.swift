import Primitives
import Testing

@testable import Crypto

@Suite struct TraceContextTests {
    @Test func `everyone who knows a request's id names the same trace`() {
        let trace = TraceContext(RequestID("r1"))
        #expect(trace == TraceContext(RequestID("r1")) && trace != TraceContext(RequestID("r2")))
        #expect(trace.traceID.count == 16 && trace.spanID.count == 8)
    }

    @Test(arguments: [
        "", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7", "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01", "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
        "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "00-4bf92f3577b34da6a3ce929d0e0e47-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-x", "00-zzf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    ])
    func `what is no trace context is none (W3C Trace Context §3.2)`(_ text: String) {
        #expect(TraceContext(traceparent: text) == nil)
    }

    @Test func `a client's own trace is read`() throws {
        let trace = try #require(TraceContext(traceparent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"))
        #expect(Hex.encode(trace.traceID) == "4bf92f3577b34da6a3ce929d0e0e4736" && Hex.encode(trace.spanID) == "00f067aa0ba902b7")
    }

    @Test(arguments: [0.0, 0.1, 0.5, 1.0])
    func `about the asked share of requests is kept, and always the same ones`(_ share: Double) {
        let traces = (0..<4000).map { TraceContext(RequestID("request-\($0)")) }
        let kept = traces.filter { $0.isSampled(share: share) }
        #expect(abs(Double(kept.count) / 4000 - share) < 0.04)
        #expect(kept.allSatisfy { $0.isSampled(share: min(1, share + 0.1)) })
    }
}
