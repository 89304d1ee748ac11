internal import HTTP
package import MCP
internal import Primitives

/// `qarnot://tasks/<id>`, its `/stdout`, `/stderr` and `/results`, and `qarnot://profiles/<name>`.
extension QarnotContent {
    private static let scheme = "qarnot://"
    /// Of one stream; the end of longer ones is given, and the text says so.
    private static let mostOutput = 65_536
    /// Tasks of one page.
    private static let mostListed = 20

    package static let templates: [Template] = [
        Template(
            uri: "qarnot://tasks/{uuid}", name: "task", title: "Task", description: "One Qarnot task in full.",
            mimeType: "application/json"),
        Template(
            uri: "qarnot://tasks/{uuid}/stdout", name: "task-stdout", title: "Standard output of a task",
            description: "What all instances printed; the last 64 KiB.", mimeType: "text/plain"),
        Template(
            uri: "qarnot://tasks/{uuid}/stderr", name: "task-stderr", title: "Standard error of a task",
            description: "What all instances printed to standard error; the last 64 KiB.", mimeType: "text/plain"),
        Template(
            uri: "qarnot://tasks/{uuid}/results", name: "task-results", title: "Results of a task",
            description: "The result files of a task: keys and sizes, not contents.", mimeType: "application/json"),
        Template(
            uri: "qarnot://profiles/{profile_name}", name: "profile", title: "Profile",
            description: "The constants of a profile and their defaults.", mimeType: "application/json"),
    ]

    /// Tasks with their output and results, newest first.
    /// - Parameter place: Qarnot's own, from the page before.
    package func list(_ context: ToolContext, from place: String? = nil) async throws(Failure) -> ResourcePage {
        let (tasks, next) = try await run(context) { session throws(QarnotFailure) in
            try await session.recentTasks(Self.mostListed, from: place)
        }
        let entries = tasks.flatMap { task -> [Entry] in
            let name = task.text("name") ?? task.uuid
            func entry(_ part: String, _ title: String, _ mimeType: String) -> Entry {
                Entry(
                    uri: "\(Self.scheme)tasks/\(task.uuid)/\(part)", name: "\(name) \(part)", title: "\(title) of \(name)",
                    description: "Task \(task.uuid), \(task.state).", mimeType: mimeType)
            }
            return [
                Entry(
                    uri: "\(Self.scheme)tasks/\(task.uuid)", name: name, title: "Task \(name)",
                    description: "Task \(task.uuid), \(task.state).", mimeType: "application/json"),
                entry("stdout", "Standard output", "text/plain"), entry("stderr", "Standard error", "text/plain"),
                entry("results", "Results", "application/json"),
            ]
        }
        return ResourcePage(entries: entries, next: next)
    }

    /// - Throws: `not_found` for an address that is none of ours, and for what does not exist.
    package func read(_ uri: String, _ context: ToolContext) async throws(Failure) -> Text {
        guard let address = Address(uri) else {
            throw Failure(QarnotFailure(.notFound, "There is no resource \(String(uri.prefix(200)))."))
        }
        return try await run(context) { session throws(QarnotFailure) in
            let (mimeType, text) = try await session.content(at: address, atMost: Self.mostOutput)
            return Text(uri: uri, mimeType: mimeType, text: text)
        }
    }

    /// An address, taken apart and checked: an id or a name holds nothing that means anything in a path.
    enum Address: Sendable, Hashable {
        case task(String)
        case output(String, stream: String)
        case results(String)
        case profile(String)

        init?(_ uri: String) {
            guard uri.hasPrefix(QarnotContent.scheme), uri.utf8.count <= 1024 else { return nil }
            var parts: [String] = []
            for part in uri.dropFirst(QarnotContent.scheme.count).split(separator: "/", omittingEmptySubsequences: false) {
                guard let decoded = PercentEncoding.decode(part.utf8) else { return nil }
                parts.append(decoded)
            }
            guard parts.count == 2 || parts.count == 3 else { return nil }
            switch (parts[0], parts.count == 3 ? parts[2] : nil) {
            case ("profiles", nil) where Self.isValid(parts[1], Schema.profileName): self = .profile(parts[1])
            case ("tasks", let part) where Self.isValid(parts[1], Schema.id("")):
                switch part {
                case nil: self = .task(parts[1])
                case "stdout"?, "stderr"?: self = .output(parts[1], stream: part ?? "")
                case "results"?: self = .results(parts[1])
                default: return nil
                }
            default: return nil
            }
        }

        private static func isValid(_ text: String, _ schema: JSONValue) -> Bool {
            SchemaCheck.problem(with: .string(text), under: schema) == nil
        }
    }
}

extension QarnotSession {
    fileprivate func content(at address: QarnotContent.Address, atMost limit: Int) async throws(QarnotFailure) -> (
        mimeType: String, text: String
    ) {
        switch address {
        case .task(let id): return try await json(["task": task(id).json])
        case .profile(let name): return try await json(get("profiles", name))
        case .output(let id, let stream):
            let text = try await tail(of: id, stream, atMost: limit)
            return ("text/plain", clean(text))
        case .results(let id):
            let task = try await task(id)
            let results = try await ResultFiles(of: task, self)
            return try await json([
                "task_uuid": .string(task.uuid), "state": .string(task.state), "results_url": .string(orNull: results.url),
                "scope": .string(results.isWholeBucket ? "bucket" : "task"), "truncated": .bool(results.isTruncated),
                "files": .array(results.files.map { ["key": .string($0.key), "size": .int($0.size)] }),
            ])
        }
    }

    /// The end of a task's output, with a first line that says so when earlier output was left out.
    func tail(of id: String, _ stream: String, atMost limit: Int) async throws(QarnotFailure) -> String {
        let bytes = try await text(["tasks", id, stream])
        let tail = ResultSize.tail(bytes, limit)
        let text = String(decoding: tail, as: UTF8.self)
        return tail.count < bytes.count ? "[the first \(bytes.count - tail.count) bytes are left out]\n\(text)" : text
    }

    private func json(_ value: JSONValue) async throws(QarnotFailure) -> (String, String) {
        ("application/json", ResultSize.fitted(Redaction.clean(value, of: key)).text)
    }

    /// Without the caller's own key, which a task may print.
    func clean(_ text: String) -> String { Redaction.clean(.string(text), of: key).string ?? "" }
}
