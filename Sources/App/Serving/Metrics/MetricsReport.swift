import Audit
import Client
import Crypto
import MCP
import Primitives
import Proxy
import Storage
import Synchronization
import Transport

/// What only the running server knows, handed over once it listens.
final class LiveGauges: Sendable {
    private let connections = Mutex<@Sendable () -> Int>({ 0 })

    func install(openConnections: @escaping @Sendable () -> Int) { connections.withLock { $0 = openConnections } }
    var openConnections: Int { connections.withLock { $0 }() }
}

/// Everything `/metrics` tells, gathered when asked. docs/operations.md lists the names; `deploy/grafana.json` draws them.
struct MetricsReport: Sendable {
    let shared: SharedParts
    let upstreams: [Upstream]
    /// Of the configured certificate.
    let certificate: String?

    func text(isReady: Bool) -> String {
        var out = PrometheusText()
        out.family("gatehouse_build_info", .gauge, "The version that runs.")
        out.sample("gatehouse_build_info", [("version", Version.current)], 1)
        out.single("gatehouse_ready", .gauge, "1 when /ready answers 200.", isReady ? 1 : 0)
        shared.requests.write(into: &out)
        shared.auditor.events.write(into: &out)
        shared.limitMetrics.write(into: &out)
        writeAudit(&out)
        writeLoops(&out)
        writeStorage(&out)
        writeUpstreams(&out)
        out.family("gatehouse_traces_dropped_total", .counter, "Spans the collector did not take, or there was no room for.")
        out.sample("gatehouse_traces_dropped_total", [], shared.traces.droppedCount)
        ProcessMetrics.write(into: &out)
        return out.text
    }

    private func writeAudit(_ out: inout PrometheusText) {
        let audit = shared.workspace.audit
        out.single("gatehouse_audit_queue_records", .gauge, "Audit records waiting for the disk.", audit.queuedCount)
        out.single(
            "gatehouse_audit_dropped_total", .counter, "Audit records dropped with the queue full (batched only).",
            audit.droppedCount)
    }

    private func writeLoops(_ out: inout PrometheusText) {
        out.single("gatehouse_connections", .gauge, "Open connections to the public listeners.", shared.gauges.openConnections)
        out.single("gatehouse_streams", .gauge, "Open event streams that wait for news.", shared.streams.openCount)
        if let end = certificateEnd {
            out.family(
                "gatehouse_tls_certificate_end_seconds", .gauge, "When the configured certificate ends, in seconds since 1970.")
            out.sample("gatehouse_tls_certificate_end_seconds", [], Double(end.milliseconds) / 1000)
        }
        let loops = shared.group.loops
        out.family("gatehouse_loop_turns_total", .counter, "Turns of an event loop.")
        for loop in loops { out.sample("gatehouse_loop_turns_total", [("loop", "\(loop.index)")], loop.turns) }
        out.family("gatehouse_loop_busy_seconds_total", .counter, "Time an event loop worked rather than waited.")
        for loop in loops {
            out.sample(
                "gatehouse_loop_busy_seconds_total", [("loop", "\(loop.index)")], Double(loop.busyNanoseconds) / 1_000_000_000)
        }
        out.family("gatehouse_loop_handovers_total", .counter, "Jobs other threads handed to an event loop.")
        for loop in loops { out.sample("gatehouse_loop_handovers_total", [("loop", "\(loop.index)")], loop.remoteEnqueues) }
    }

    private var certificateEnd: Timestamp? {
        guard let certificate, let text = try? Files.readText(certificate) else { return nil }
        return (try? CertificateChain(pem: text))?.certificates.first?.ends
    }

    private func writeStorage(_ out: inout PrometheusText) {
        let database = shared.workspace.database
        let now = database.statistics
        out.family("gatehouse_sqlite_queue_jobs", .gauge, "Database calls waiting, by kind.")
        out.sample("gatehouse_sqlite_queue_jobs", [("kind", "read")], now.waitingReads)
        out.sample("gatehouse_sqlite_queue_jobs", [("kind", "write")], now.waitingWrites)
        out.family("gatehouse_sqlite_commits_total", .counter, "Transactions committed.")
        out.sample("gatehouse_sqlite_commits_total", [], now.commits)
        out.family("gatehouse_sqlite_writes_total", .counter, "Changes made; divided by commits, how many share one sync.")
        out.sample("gatehouse_sqlite_writes_total", [], now.writes)
        out.family("gatehouse_sqlite_failures_total", .counter, "Transactions that could not be begun or committed.")
        out.sample("gatehouse_sqlite_failures_total", [], now.failures)
        out.family("gatehouse_sqlite_file_bytes", .gauge, "Size of the database and of its write-ahead log.")
        out.sample("gatehouse_sqlite_file_bytes", [("file", "database")], Files.size(database.path))
        out.sample("gatehouse_sqlite_file_bytes", [("file", "log")], Files.size(database.path + "-wal"))
    }

    private func writeUpstreams(_ out: inout PrometheusText) {
        out.single("gatehouse_outbound_requests", .gauge, "Outbound requests running or waiting.", shared.client.inFlight)
        guard !upstreams.isEmpty else { return }
        out.family(
            "gatehouse_upstream_state", .gauge, "1 for the state an upstream is in: unknown, ok, failing, open (not asked for now)."
        )
        for upstream in upstreams {
            for state in ["unknown", "ok", "failing", "open"] {
                out.sample(
                    "gatehouse_upstream_state", [("upstream", upstream.name), ("state", state)], upstream.health == state ? 1 : 0)
            }
        }
    }
}
