import HTTP
import Primitives
import Testing

@testable import App

@Suite struct MetricsTests {
    private func context(loop: Int) throws -> RequestContext {
        RequestContext(
            requestID: RequestID("r"), peer: try #require(IPAddress("192.0.2.1")), isSecure: true, loopIndex: loop, received: .now()
        )
    }

    @Test func `counters of all loops add up, whoever counts`() async {
        let counters = ShardedCounters(loops: 2, count: 2)
        await withTaskGroup(of: Void.self) { group in
            for loop in [0, 1, 0, nil, 7] {
                group.addTask { for _ in 0..<10_000 { counters.add(at: 1, loop: loop) } }
            }
        }
        #expect(counters.total(at: 1) == 50_000 && counters.total(at: 0) == 0)
    }

    @Test func `requests are told apart by route and outcome, and only those that came are written`() throws {
        let metrics = RequestMetrics(loops: 2)
        for loop in 0..<2 { metrics.record(.mcp, 200, [], try context(loop: loop)) }
        metrics.record(.mcp, 429, [], try context(loop: 0))
        #expect(metrics.count(.mcp, .success) == 2 && metrics.count(.mcp, .limited) == 1 && metrics.count(.home, .success) == 0)
        var out = PrometheusText()
        metrics.write(into: &out)
        #expect(out.text.contains("gatehouse_requests_total{route=\"/mcp\",outcome=\"success\"} 2\n"))
        #expect(out.text.contains("le=\"+Inf\"} 2\n") && !out.text.contains("route=\"/\""))
    }

    @Test(arguments: [
        (200, "success"), (302, "redirect"), (400, "invalid"), (401, "denied"), (403, "denied"), (404, "invalid"), (429, "limited"),
        (500, "failure"), (503, "unavailable"), (504, "failure"),
    ])
    func `a status is one outcome`(_ status: Int, _ outcome: String) {
        #expect("\(RequestMetrics.Outcome(status: status))" == outcome)
    }

    @Test func `what the token endpoint gave is told by grant`() throws {
        let metrics = RequestMetrics(loops: 1)
        let place = try context(loop: 0)
        metrics.record(.token, 200, [Event("token.issued", details: [("grant_type", "authorization_code")])], place)
        metrics.record(.token, 200, [Event("token.refresh.grace_used")], place)
        metrics.record(.token, 400, [Event("token.issued", .failure)], place)
        var out = PrometheusText()
        metrics.write(into: &out)
        for line in [
            "gatehouse_tokens_issued_total{grant=\"authorization_code\"} 1",
            "gatehouse_tokens_issued_total{grant=\"refresh_token\"} 1",
            "gatehouse_tokens_refused_total{outcome=\"invalid\"} 1", "gatehouse_tokens_issued_total{grant=\"device_code\"} 0",
        ] { #expect(out.text.contains(line + "\n"), "\(line)") }
    }

    @Test func `no two events share a counter, and an unknown one counts as other`() {
        #expect(Set(EventMetrics.names).count == EventMetrics.names.count)
        let metrics = EventMetrics(loops: 1)
        metrics.record("made.up", .denied, loop: 0)
        metrics.record("auth.login", .denied, loop: nil)
        var out = PrometheusText()
        metrics.write(into: &out)
        #expect(out.text.contains("gatehouse_events_total{event=\"other\",outcome=\"denied\"} 1\n"))
        #expect(out.text.contains("gatehouse_events_total{event=\"auth.login\",outcome=\"denied\"} 1\n"))
    }

    @Test func `every event this version writes has a name of its own in the metrics`() throws {
        var missing: Set<String> = []
        for folder in ["App", "OAuth"] {
            for file in try Golden.swiftFiles(under: "Sources/\(folder)") {
                for match in try Golden.read(file).matches(of: /Event\(\s*"([a-z._]+)"/)
                where !EventMetrics.names.contains(String(match.1)) {
                    missing.insert(String(match.1))
                }
            }
        }
        // Commands run in processes of their own, which nobody scrapes.
        let ofCommands: Set = ["role.granted", "user.created", "user.deleted", "vault.rekeyed", "role.revoked"]
        #expect(missing.subtracting(ofCommands) == [])
    }

    @Test func `a log that failed counts as failing for a while`() {
        let metrics = EventMetrics(loops: 1)
        let now = MonotonicTime(nanoseconds: 50_000_000_000)
        #expect(!metrics.isFailing(at: now))
        metrics.recordFailure(at: now)
        metrics.recordFailure(at: now + .seconds(1))
        #expect(
            metrics.failureCount == 2 && metrics.isFailing(at: now + .seconds(10)) && !metrics.isFailing(at: now + .seconds(12)))
    }

    @Test func `a label cannot end early`() {
        var out = PrometheusText()
        out.sample("x", [("a", "q\"\\\n")], 1)
        #expect(out.text == "x{a=\"q\\\"\\\\\\n\"} 1\n")
    }
}
