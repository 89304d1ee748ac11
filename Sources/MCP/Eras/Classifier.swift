package import Primitives

/// Tells which era a POST belongs to, from its body first; headers only cross-check (mcp.md §2).
package enum Classifier {
    package enum Verdict: Sendable {
        case modern(RPCMessage)
        case legacy(RPCMessage, Revision)
        case batch([JSONView])
        case invalid(RPCError, id: RPCID?)
        /// A header names a legacy revision nobody serves.
        case unsupportedHeader(String)
    }

    /// - Parameter header: the value of `MCP-Protocol-Version`, when there is one.
    package static func classify(_ root: JSONView, header: String?) -> Verdict {
        let hasModernHeader = header.map(Revision.namesModern) ?? false
        if root.isArray { return classifyBatch(root, header: header) }
        let message: RPCMessage
        do throws(RPCError) { message = try RPCMessage(root) } catch {
            return .invalid(error, id: root["id"].flatMap(RPCID.init))
        }
        switch message.kind {
        case .response where hasModernHeader:
            return .invalid(RPCError(.invalidRequest, "This revision accepts requests and notifications only."), id: nil)
        case .notification where hasModernHeader: return .modern(message)
        case .request where message.meta?[MetaKey.protocolVersion] != nil: return .modern(message)
        case .request where hasModernHeader: return refuseBareModern(message)
        default: return legacy(message, header: header)
        }
    }

    private static func classifyBatch(_ root: JSONView, header: String?) -> Verdict {
        let isEnveloped = root.elements.contains { $0["params"]?["_meta"]?[MetaKey.protocolVersion] != nil }
        let version = header.flatMap(Revision.init(rawValue:)) ?? .march2025
        guard !isEnveloped, header == nil || version == .march2025 else {
            return .invalid(RPCError(.invalidRequest, "Batches exist in revision 2025-03-26 only."), id: nil)
        }
        guard (1...50).contains(root.count) else {
            return .invalid(RPCError(.invalidRequest, "A batch holds 1 to 50 messages."), id: nil)
        }
        return .batch(root.elements)
    }

    /// Rows 7 and 8: the header says 2026-07-28, the body lacks its envelope.
    private static func refuseBareModern(_ message: RPCMessage) -> Verdict {
        message.method == "initialize"
            ? .invalid(RPCError(.headerMismatch, "MCP-Protocol-Version names a revision without initialize."), id: message.id)
            : .invalid(RPCError(.invalidParams, "params._meta lacks \(MetaKey.protocolVersion)."), id: message.id)
    }

    private static func legacy(_ message: RPCMessage, header: String?) -> Verdict {
        guard let header, message.method != "initialize" else { return .legacy(message, .march2025) }
        guard let revision = Revision(rawValue: header) else { return .unsupportedHeader(header) }
        return .legacy(message, revision)
    }
}
