import Primitives

/// Findings of a command that looks at many things: a table for people, one object for scripts, exit 1 when something failed.
struct CheckList: Sendable {
    enum Outcome: String, Sendable {
        case ok, warning, failed, skipped
    }

    struct Check: Sendable {
        let name: String
        let outcome: Outcome
        /// What was found.
        let detail: String
        /// What to do about it; nil when nothing needs doing.
        let remedy: String?
    }

    private(set) var checks: [Check] = []

    var hasFailed: Bool { checks.contains { $0.outcome == .failed } }

    mutating func add(_ name: String, _ outcome: Outcome, _ detail: String, remedy: String? = nil) {
        checks.append(Check(name: name, outcome: outcome, detail: detail, remedy: remedy))
    }

    var json: JSONValue {
        [
            "status": hasFailed ? "failed" : "ok",
            "checks": .array(
                checks.map {
                    [
                        "name": .string($0.name), "outcome": .string($0.outcome.rawValue), "detail": .string($0.detail),
                        "remedy": .string(orNull: $0.remedy),
                    ]
                }),
        ]
    }

    /// Prints everything. - Throws: the answer "no", naming the first failure and its remedy.
    func conclude(_ output: Output) throws(CommandError) {
        if output.isJSON {
            output.line(json.text)
        } else {
            output.list(
                checks.map { ["name": .string($0.name), "outcome": .string($0.outcome.rawValue), "detail": .string($0.detail)] },
                columns: [("check", "name"), ("outcome", "outcome"), ("found", "detail")], empty: "Nothing was checked.")
        }
        guard let first = checks.first(where: { $0.outcome == .failed }) else { return }
        throw CommandError(.no, "\(first.name): \(first.detail) \(first.remedy ?? "")".trimmingTail)
    }
}

extension String {
    /// Without spaces at the end.
    var trimmingTail: String { String(self[..<(lastIndex { $0 != " " }.map(index(after:)) ?? startIndex)]) }
}
