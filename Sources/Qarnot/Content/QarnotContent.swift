package import MCP
internal import Primitives

/// What Qarnot has to read and to ask, beside tools: tasks, their output and results as resources, and prompts. Plain values,
/// for whatever serves them.
package struct QarnotContent: Sendable {
    let engine: QarnotEngine

    package init(_ engine: QarnotEngine) { self.engine = engine }

    /// Something that can be read, as a listing tells of it.
    package typealias Entry = ResourcePage.Entry

    /// A family of entries; `uri` has variables `{name}` (RFC 6570 level 1).
    package typealias Template = Entry

    /// What one reading gave.
    package struct Text: Sendable, Hashable {
        package let uri: String
        package let mimeType: String
        package let text: String
    }

    /// Why there is nothing to give, in words for the model and its user; never holds a key.
    package struct Failure: Error, Sendable, Hashable {
        /// As in tool results, such as `not_found` or `key_missing`.
        package let code: String
        package let message: String
        package let isRetryable: Bool

        init(_ failure: QarnotFailure) {
            (code, message, isRetryable) = (failure.code.rawValue, failure.message, failure.isRetryable)
        }
    }

    /// Runs with the caller's own key. Reading needs the engine's class `read`, whoever serves the content.
    func run<R: Sendable>(
        _ context: ToolContext, _ body: (QarnotSession) async throws(QarnotFailure) -> R
    ) async throws(Failure) -> R {
        do throws(QarnotFailure) {
            guard context.caller?.permission(for: QarnotEngine.name) != nil else {
                throw QarnotFailure(.forbidden, "Reading needs the scope \(QarnotEngine.name):read.")
            }
            return try await engine.withSession(context, body)
        } catch {
            throw Failure(error)
        }
    }
}

extension QarnotContent {
    /// Values for an argument of a prompt or a variable of a template, from what was typed so far; at most 100. Empty for
    /// arguments nobody can complete.
    package func complete(_ argument: String, _ value: String, _ context: ToolContext) async throws(Failure) -> [String] {
        switch argument {
        case "uuid", "task_uuid":
            let tasks = try await run(context) { session throws(QarnotFailure) in try await session.recentTasks(100).tasks }
            return tasks.filter { task in
                [task.uuid, task.text("shortname"), task.text("name")].contains { $0?.hasPrefix(value) == true }
            }.map(\.uuid)
        case "profile", "profile_name":
            let names = try await run(context) { session throws(QarnotFailure) in try await session.get("profiles") }
            return Array((names.array ?? []).compactMap(\.string).filter { $0.hasPrefix(value) }.prefix(100))
        default: return []
        }
    }
}

extension QarnotSession {
    /// Newest first.
    /// - Parameter place: where the page before ended.
    func recentTasks(
        _ count: Int, from place: String? = nil
    ) async throws(QarnotFailure) -> (tasks: [TaskReading], next: String?) {
        let page = try await query(
            ["tasks", "summaries", "paginate"],
            [
                "filter": nil, "token": .string(orNull: place), "maximumResults": .int(count), "orderBy": "creationDate",
                "orderType": "DESC",
            ])
        let isTruncated = page["isTruncated"]?.bool ?? false
        return ((page["data"]?.array ?? []).map(TaskReading.init), isTruncated ? page["nextToken"]?.string : nil)
    }
}
