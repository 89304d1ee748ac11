internal import Client
internal import HTTP
internal import MCP
internal import Primitives

extension Upstream {
    /// Sends a translated request and returns where its answer comes from.
    /// - Throws: `.sessionGone` when a legacy upstream does not know the session any more.
    func open(
        _ translation: Translation, params: [UInt8], key: Secret?, cancellation: UpstreamCancellation
    ) async throws(ProxyFailure) -> MessageSource {
        let ask = translation.ask
        let fields: Fields
        switch translation.link {
        case .modern:
            let name = ask.method.hasPrefix("tasks/") ? taskID(params) : ask.name
            fields = modernFields(ask.method, name: name, ask.origin, parameters: mirrored(ask))
        case .legacy(let session, _): fields = legacyFields(session, ask.origin)
        }
        let body = RawMessage.request(id: translation.upstreamID, method: ask.method, params: params)
        let exchange = try await send(
            Outgoing(fields: fields, body: body, isRepeatable: ask.isRepeatable), key: key, caller: ask.caller,
            cancellation: cancellation)
        if exchange.status == 404, case .legacy = translation.link {
            exchange.abandon()
            throw ProxyFailure(.sessionGone, "The session with \(name) has ended. Start again.")
        }
        let source = MessageSource(exchange, limit: settings.maximumResponseBytes)
        guard source.isStream || source.isJSON else {
            exchange.abandon()
            forgetEra()
            throw ProxyFailure(
                .refused, "\(name) answered with status \(exchange.status) and no MCP message. Tell the administrator.",
                status: exchange.status)
        }
        return source
    }

    private func taskID(_ params: [UInt8]) -> String? { (try? JSONDocument(parsing: params))?.root["taskId"]?.string }

    /// The arguments the tool's schema wants mirrored, from the body alone.
    func mirrored(_ ask: Ask) -> [MirroredArgument.Value] {
        guard ask.method == "tools/call", let name = ask.name, let entry = catalog.entry(name) else { return [] }
        return entry.mirrored.compactMap { $0.value(in: ask.message.params?["arguments"]) }
    }
}
