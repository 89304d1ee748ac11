import Audit
import Primitives

extension Command {
    private static let filters = [
        Option("--user", "USER", "acting or concerned"), Option("--event", "NAME", "such as token.issued"),
        Option("--outcome", "WORD", "success, failure, denied or intent"),
        Option("--since", "TIME", "RFC 3339, or a span back such as 24h"),
        Option("--until", "TIME", "RFC 3339, or a span back"), Option("--request-id", "ID", "of one request"),
        Option("--flow", "ID", "of one client's connection, from discovery to its first call"),
        Option("-n", "N", "at most so many"),
    ]

    /// `gatehouse audit …`
    static let audits: [Command] = [
        Command(
            path: ["audit", "tail"], usage: "[-n N] [--follow]", summary: "Show the last records.",
            options: [Option("-n", "N", "how many (default 20)"), Option("--follow", short: "-f", nil, "keep showing new ones")]
        ) { invocation async throws(CommandError) in try await AuditCommands.tail(invocation) },
        Command(
            path: ["audit", "search"], usage: "[FILTER…]", summary: "Show all matching records, oldest first.",
            options: filters
        ) { invocation async throws(CommandError) in try await AuditCommands.search(invocation) },
        Command(
            path: ["audit", "export"], usage: "--format jsonl|csv|ecs|ocsf [FILTER…]",
            summary: "Write all matching records in the words of another system.",
            options: [
                Option("--format", "WORD", "jsonl, csv, ecs (Elastic Common Schema) or ocsf"),
                Option("--folder", "DIR", "a copy of the log; without the server's configuration"),
            ] + filters
        ) { invocation async throws(CommandError) in try await AuditCommands.export(invocation) },
        Command(
            path: ["audit", "verify"], usage: "[--public-key FILE] [--folder DIR] [--witness FILE]",
            summary: "Prove that no record was changed, removed or inserted.",
            options: [
                Option("--public-key", "FILE", "of the signer; with it, every checkpoint is verified (default: the server's own)"),
                Option("--folder", "DIR", "a copy of the log; without the server's configuration and head"),
                Option("--witness", "FILE", "checkpoints a witness kept, one JSON object a line: they have to be in the log"),
            ]
        ) { invocation async throws(CommandError) in try await AuditCommands.verify(invocation) },
        Command(
            path: ["audit", "prove"], usage: "SEQ [--folder DIR] | --check FILE --public-key FILE",
            summary: "Prove that a record is in the log to who has the public key alone.",
            options: [
                Option("--folder", "DIR", "a copy of the log; without the server's configuration"),
                Option("--check", "FILE", "verify a proof; - reads standard input"),
                Option("--public-key", "FILE", "of the signer"),
            ]
        ) { invocation async throws(CommandError) in try await AuditProofCommands.prove(invocation) },
        auditErasure,
    ]
}

enum AuditCommands {
    static func tail(_ invocation: Invocation) async throws(CommandError) {
        let configuration = try Installation.load(invocation)
        let reader = AuditReader(folder: configuration.audit.path)
        let count = try number(invocation, default: 20)
        let names = await NamesInLog(configuration)
        do {
            if invocation.has("--follow") {
                try reader.follow(last: count, until: { false }) { show($0, names, invocation.output) }
            } else {
                for entry in try reader.tail(count) { show(entry, names, invocation.output) }
            }
        } catch { throw CommandError(.unavailable, "The audit log cannot be read: \(error).") }
    }

    static func search(_ invocation: Invocation) async throws(CommandError) {
        let configuration = try Installation.load(invocation)
        let filter = try filter(invocation)
        let limit = try number(invocation, default: .max)
        let names = await NamesInLog(configuration)
        do {
            try search(configuration.audit.path, filter, names, limit) { show($0, names, invocation.output) }
        } catch { throw CommandError(.unavailable, "The audit log cannot be read: \(error).") }
    }

    static func export(_ invocation: Invocation) async throws(CommandError) {
        guard let format = invocation.value("--format").flatMap(AuditExport.init) else {
            throw CommandError(.usage, "Name one: --format jsonl, csv, ecs or ocsf.")
        }
        let (filter, limit) = (try filter(invocation), try number(invocation, default: .max))
        let configuration = invocation.value("--folder") == nil ? try Installation.load(invocation) : nil
        let folder = invocation.value("--folder") ?? configuration?.audit.path ?? ""
        // Who took the log elsewhere is on record before the first line leaves (AUD-3); a copy is nobody's record.
        if let configuration { try await record(format, configuration) }
        if let heading = format.heading { invocation.output.line(heading) }
        let names = await NamesInLog(configuration)
        do {
            try search(folder, filter, names, limit) { invocation.output.line(format.line($0)) }
        } catch { throw CommandError(.unavailable, "The audit log cannot be read: \(error).") }
    }

    /// A person's records by the name, then by the word that stands for it: what was recorded by the name came before.
    private static func search(
        _ folder: String, _ filter: AuditFilter, _ names: NamesInLog, _ limit: Int, _ body: (AuditReader.Entry) -> Void
    ) throws(AuditError) {
        var filters = [filter]
        if let word = filter.user.flatMap(names.word) {
            filters.append(filter)
            filters[1].user = word
        }
        var count = 0
        for filter in filters where count < limit {
            try AuditReader(folder: folder).search(filter, limit: limit - count) { entry in
                count += 1
                body(entry)
                return true
            }
        }
    }

    private static func record(_ format: AuditExport, _ configuration: Configuration) async throws(CommandError) {
        let event = Event("audit.exported", actor: "cli", details: [("format", .string(format.rawValue))])
        do throws(AuditError) {
            let log = try AuditLog(configuration, node: "cli")
            try await log.append([AuditRecord(event, in: AuditContext(requestID: Workspace.freshRequestID()))], isCritical: true)
            await log.close()
        } catch {
            throw CommandError(
                .cannotWrite, "The export cannot be recorded, so nothing was exported: \(error). A copy is read with --folder.")
        }
    }

    private static func filter(_ invocation: Invocation) throws(CommandError) -> AuditFilter {
        var filter = AuditFilter(
            user: invocation.value("--user"), event: invocation.value("--event"), outcome: invocation.value("--outcome"),
            since: try time(invocation, "--since"), until: try time(invocation, "--until"),
            requestID: invocation.value("--request-id"))
        filter.flow = invocation.value("--flow")
        return filter
    }

    static func verify(_ invocation: Invocation) async throws(CommandError) {
        let source = try AuditSource(invocation)
        let report: AuditVerifier.Report
        let witnessed = try invocation.value("--witness").map { path throws(CommandError) in try checkpoints(path) } ?? []
        do {
            report = try AuditVerifier(
                folder: source.folder, headFile: source.head, publicKey: source.publicKey, witnessed: witnessed
            )
            .examine()
        } catch { throw CommandError(.unavailable, "The audit log cannot be read: \(error).") }
        switch report.verdict {
        case .ok(let count, let head):
            let hash = Hex.encode(head.hash)
            var json: JSONObject = JSONObject([("status", "ok"), ("count", .int(count)), ("head", .string(hash))])
            var text = "ok: \(count) records, head \(hash)"
            if source.publicKey != nil {
                let coverage = report.coverage
                let time = coverage.time?.rfc3339 ?? "never"
                json.append("checkpoints", .int(coverage.checkpoints))
                json.append("signed", .int(coverage.size))
                json.append("signed_at", .string(orNull: coverage.time?.rfc3339))
                text += ", \(coverage.checkpoints) checkpoints, \(coverage.size) records signed, last at \(time)"
            }
            invocation.output.object(.object(json), text: text)
        case .bad(let defect): throw failed("The audit log was altered. First bad record: \(defect).", invocation.output)
        case .truncated(let count, let expected):
            throw failed("The audit log was cut: it holds \(count) records, \(expected) were written.", invocation.output)
        case .headMissing(let count, _):
            throw failed(
                "The \(count) records agree, but \(source.head ?? "the head") is missing, so the end may be too.",
                invocation.output)
        }
    }

    /// The objects a witness received, wherever they stand in a line: a syslog puts its own words before them.
    private static func checkpoints(_ path: String) throws(CommandError) -> [Checkpoint] {
        let text: String
        do { text = try Files.readText(path) } catch { throw CommandError(.unavailable, "\(error).") }
        let found = text.split(whereSeparator: \.isNewline).compactMap { line in
            line.firstIndex(of: "{").flatMap { try? JSONValue(parsing: String(line[$0...])) }.flatMap { Checkpoint($0) }
        }
        guard !found.isEmpty else { throw CommandError(.usage, "\(path) holds no checkpoints.") }
        return found
    }

    static func failed(_ message: String, _ output: Output) -> CommandError {
        if output.isJSON { output.line(JSONValue(dictionaryLiteral: ("status", "failed"), ("reason", .string(message))).text) }
        return CommandError(.no, message)
    }

    /// A table has names, as far as they are known; `--json` has the record as it was written.
    private static func show(_ entry: AuditReader.Entry, _ names: NamesInLog, _ output: Output) {
        if output.isJSON { return output.line(String(decoding: entry.line, as: UTF8.self)) }
        let record = entry.record
        let parts = [
            record["ts"]?.string, record["event"]?.string, record["outcome"]?.string,
            names.name(for: record["subject"]?.string),
            record["tool"]?.string,
            record["reason"]?.string, record["src"]?.string ?? record["src"]?["ip"]?.string, record["request_id"]?.string,
        ]
        output.line("\(record["seq"]?.int ?? 0)  " + parts.map { $0 ?? "-" }.joined(separator: "  "))
    }

    private static func number(_ invocation: Invocation, default fallback: Int) throws(CommandError) -> Int {
        guard let text = invocation.value("-n") else { return fallback }
        guard let value = Int(text), value > 0 else { throw CommandError(.usage, "-n takes a number above 0.") }
        return value
    }

    private static func time(_ invocation: Invocation, _ name: String) throws(CommandError) -> Timestamp? {
        guard let text = invocation.value(name) else { return nil }
        if let span = Duration(setting: text) { return .now() - span }
        guard let time = Timestamp(rfc3339: text) else {
            throw CommandError(.usage, "\(name) takes a time such as 2026-11-21T09:30:00Z, or a span back such as 24h.")
        }
        return time
    }
}
