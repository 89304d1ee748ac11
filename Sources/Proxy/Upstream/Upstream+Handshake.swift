internal import Client
internal import HTTP
internal import MCP
internal import Primitives

extension Upstream {
    /// The session with which to ask on behalf of a caller whose client has none of its own.
    func sharedSession(
        _ owner: LegacySessions.Owner, _ caller: Principal, _ key: Secret?, _ origin: RequestOrigin
    ) async throws(ProxyFailure) -> LegacySession {
        if let session = sessions.session(of: owner) { return session }
        var params = RawObject()
        params.set("protocolVersion", .string(Revision.newestLegacy.rawValue))
        params["capabilities"] = owner.capabilities
        params["clientInfo"] = settings.clientInfo
        let (session, document) = try await initialize(params.serialized, caller, key, origin)
        guard let session else {
            forgetEra()
            let text = document.root["error"]?["message"]?.string ?? ""
            throw ProxyFailure(.refused, "\(settings.name) refused the handshake\(text.isEmpty ? "" : ": " + text.prefix(200)).")
        }
        try await confirm(session, caller, key, origin)
        sessions.keep(session, for: owner)
        return session
    }

    /// `initialize` as given. Nil with the answer when the upstream refused.
    func initialize(
        _ params: [UInt8], _ caller: Principal, _ key: Secret?, _ origin: RequestOrigin
    ) async throws(ProxyFailure) -> (LegacySession?, JSONDocument) {
        let body = RawMessage.request(id: nextID(), method: "initialize", params: params)
        let exchange = try await send(
            Outgoing(fields: baseFields(origin), body: body), key: key, caller: caller, cancellation: UpstreamCancellation())
        let id = exchange.fields.single(.mcpSessionID)
        let status = exchange.status
        let document: JSONDocument
        do throws(ProxyFailure) {
            document = try await response(of: MessageSource(exchange, limit: settings.maximumResponseBytes))
        } catch {
            guard status >= 400 else { throw error }
            throw ProxyFailure(
                .refused, "\(settings.name) is no MCP server at its address (status \(status)). Tell the administrator.",
                status: status)
        }
        guard let result = document.root["result"], let version = result["protocolVersion"]?.string else { return (nil, document) }
        // A session id is visible ASCII (mcp.md §4.3); anything else would be unfit for a field.
        if let id, !id.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) || id.utf8.count > 1024 {
            throw ProxyFailure(.broken, "\(settings.name) gave a malformed session id. Tell the administrator.")
        }
        return (LegacySession(id: id, version: version, result: Array(result.rawBytes)), document)
    }

    /// `notifications/initialized`.
    func confirm(
        _ session: LegacySession, _ caller: Principal, _ key: Secret?, _ origin: RequestOrigin
    ) async throws(ProxyFailure) {
        try await notify(
            RawMessage.notification(method: "notifications/initialized", params: nil), session, caller, key, origin)
    }

    /// Sends what gets no answer: a notification, or a response to the upstream's request.
    func notify(
        _ body: [UInt8], _ session: LegacySession, _ caller: Principal, _ key: Secret?, _ origin: RequestOrigin
    ) async throws(ProxyFailure) {
        let exchange = try await send(
            Outgoing(fields: legacyFields(session, origin), body: body), key: key, caller: caller,
            cancellation: UpstreamCancellation())
        // Drained, so that the connection serves again.
        do throws(ClientError) {
            _ = try await exchange.whole(limit: 64 * 1024, deadline: .now() + settings.timeout)
        } catch { throw Self.failure(error, name: settings.name) }
        if exchange.status == 404 { throw ProxyFailure(.sessionGone, "The session with \(settings.name) has ended. Start again.") }
    }
}
