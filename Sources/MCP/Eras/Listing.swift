internal import HTTP
internal import Primitives

/// The four lists, in pages (mcp.md §5): in a fixed order, only what the caller may see, with a cursor where more follows.
extension MCPEndpoint {
    enum List: String, Sendable {
        case tools, prompts, resources
        case templates = "resourceTemplates"
    }

    @inline(never) func list(_ list: List, _ message: RPCMessage, _ id: RPCID, _ exchange: Exchange) -> Response {
        var start = 0
        if let cursor = message.params?["cursor"], !cursor.isNull {
            // Sealed for the list, too: its name is one of the parts.
            guard let text = cursor.string,
                let place = handles?.open(
                    text, .cursor, of: exchange.caller, .user, [Array(list.rawValue.utf8)])?.int
            else { return reply(RPCError(.invalidParams, "The cursor was not issued here."), id: id) }
            start = place
        }
        let (entries, next) = page(of: list, from: start, exchange)
        var members = JSONObject([(list.rawValue, .array(entries))])
        if let next, let handles {
            members.append(
                "nextCursor",
                .string(
                    handles.seal(
                        .int(next), .cursor, of: exchange.caller, .user, [Array(list.rawValue.utf8)], lifetime: .seconds(3600))))
        }
        guard exchange.revision.isModern else { return reply(.object(members), id: id) }
        members.append("ttlMs", 60_000)
        members.append("cacheScope", "private")
        return reply(modernResult(.object(members)), id: id)
    }

    /// Entries from a place on, and the place of the next page. Without memory between requests everything is one page.
    private func page(of list: List, from start: Int, _ exchange: Exchange) -> (entries: [JSONValue], next: Int?) {
        switch list {
        case .tools:
            pages(registry.tools, start, { gate.isVisible($0, to: exchange.caller) }, { $0.listing(for: exchange.revision) })
        case .prompts: pages(features.prompts, start, { $0.isListed() }, \.listing)
        case .resources: pages(features.resources, start, { _ in true }, \.listing)
        case .templates: pages(features.templates, start, { _ in true }, \.listing)
        }
    }

    private func pages<Entry>(
        _ all: [Entry], _ start: Int, _ isShown: (Entry) -> Bool, _ show: (Entry) -> JSONValue
    ) -> (entries: [JSONValue], next: Int?) {
        var entries: [JSONValue] = []
        for place in all.indices.dropFirst(start) where isShown(all[place]) {
            if entries.count == features.pageSize, continuity != nil { return (entries, place) }
            entries.append(show(all[place]))
        }
        return (entries, nil)
    }
}

extension Tool {
    /// The tool object of `tools/list`. Before 2026-07-28 structured results are objects, so a schema of anything else is left
    /// out (mcp.md §4.6).
    func listing(for revision: Revision) -> JSONValue {
        var object = JSONObject()
        object.append("name", .string(name))
        object.append("title", .string(title))
        object.append("description", .string(description))
        object.append("inputSchema", inputSchema)
        if let outputSchema, revision.isModern || outputSchema["type"] == "object" { object.append("outputSchema", outputSchema) }
        object.append("annotations", annotations.json)
        if !icons.isEmpty { object.append("icons", .array(icons.map(\.json))) }
        if let meta { object.append("_meta", meta) }
        return .object(object)
    }
}
