internal import HTTP
internal import Primitives

/// The extension `io.modelcontextprotocol/tasks` (mcp.md §3.9).
extension MCPEndpoint {
    func answerTaskRequest(_ message: RPCMessage, _ id: RPCID, _ exchange: Exchange) -> Response {
        guard ClientCapabilities(message.meta?[MetaKey.clientCapabilities]).contains(.tasks) else {
            return refuse(ClientCapabilities.tasks.missing, .badRequest, id: id)
        }
        guard let handle = message.params?["taskId"]?.string, let record = record(of: handle, exchange.caller) else {
            return reply(RPCError(.invalidParams, "There is no such task."), id: id)
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
        guard let continuity, let parts = handles?.open(handle, .task, of: caller, .user)?.array, parts.count == 2,
            parts[0].string == continuity.instance, let record = parts[1].int.flatMap(continuity.tasks.record),
            gate.isVisible(record.tool, to: caller)
        else { return nil }
        return record
    }
}
