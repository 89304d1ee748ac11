internal import HTTP
internal import Primitives

/// The extension `io.modelcontextprotocol/tasks` (mcp.md §3.9).
extension MCPEndpoint {
    func answerTaskRequest(_ message: RPCMessage, _ id: RPCID, _ exchange: Exchange) async -> Response {
        guard ClientCapabilities(message.meta?[MetaKey.clientCapabilities]).contains(.tasks) else {
            return refuse(ClientCapabilities.tasks.missing, .badRequest, id: id)
        }
        let record: TaskRecord
        let handle = message.params?["taskId"]?.string ?? ""
        switch await find(handle, message, exchange) {
        case .found(let found): record = found
        case .refused(let refusal): return refuse(refusal, id: id)
        case .unknown: return reply(RPCError(.invalidParams, "There is no such task."), id: id)
        }
        switch message.method {
        case "tasks/get":
            return reply(modernResult(.object(record.members(handle: handle, isDetailed: true))), id: id)
        case "tasks/update":
            guard let responses = message.params?["inputResponses"], responses.isObject else {
                return reply(RPCError(.invalidParams, "params.inputResponses must be an object."), id: id)
            }
            record.answer(responses.value.object ?? JSONObject())
        default: record.cancel()
        }
        return reply(modernResult([:]), id: id)
    }

    /// The task of a handle. Another user's handle, an expired one and an invented one are all the same: none. Nor is there a task
    /// of a tool its user may no longer call.
    func record(of handle: String, _ caller: Principal?) -> TaskRecord? {
        guard let continuity, let parts = handles?.open(handle, .task, of: caller, .user)?.array, parts.count >= 2 else {
            return nil
        }
        let record =
            parts[0].string == continuity.instance
            ? parts[1].int.flatMap(continuity.tasks.record) : continuity.tasks.resumed(handle)
        return record.flatMap { gate.isVisible($0.tool, to: caller) ? $0 : nil }
    }

    // MARK: Tasks of an earlier process

    private enum Search: Sendable {
        case found(TaskRecord)
        case refused(Refusal)
        case unknown
    }

    private func find(_ handle: String, _ message: RPCMessage, _ exchange: Exchange) async -> Search {
        if let record = record(of: handle, exchange.caller) { return .found(record) }
        guard let continuity, let parts = handles?.open(handle, .task, of: exchange.caller, .user)?.array, parts.count == 4,
            parts[0].string != continuity.instance, let tool = parts[2].string.flatMap({ registry[$0] }),
            let arguments = parts[3].object, gate.isVisible(tool, to: exchange.caller)
        else { return .unknown }
        return await takeUp(handle, tool, arguments, message, exchange)
    }

    /// Calls a tool that only reads once more for a task whose process has gone: judged and recorded like every call.
    private func takeUp(
        _ handle: String, _ tool: Tool, _ arguments: JSONObject, _ message: RPCMessage, _ exchange: Exchange
    ) async -> Search {
        let call = ToolCall(
            tool: tool, argumentBytes: JSONValue.object(arguments).serialized, caller: exchange.caller, revision: exchange.revision)
        if case .refused(let refusal) = await gate.admit(call, in: exchange.context) { return .refused(refusal) }
        var context = ToolContext(caller: exchange.caller, requestID: exchange.context.requestID, sleeper: sleeper)
        (context.params, context.servesTasks, context.notes) = (message.params, features.hasTasks, call.notes)
        let result = await tool.run(arguments, context)
        _ = await gate.finish(call, outcome: .completed, in: exchange.context)
        guard case .task(let work) = result.next, let record = makeTask(work, tool, context, exchange) else { return .unknown }
        return .found(continuity?.tasks.resume(handle, as: record) ?? record)
    }
}
