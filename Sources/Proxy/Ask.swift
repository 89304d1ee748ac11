internal import Client
internal import Crypto
internal import HTTP
internal import MCP
internal import Primitives

/// What the client of a request can do, in its era.
enum ClientSide: Sendable {
    /// - capabilities: of this request, as JSON.
    case modern(capabilities: [UInt8])
    case legacy(Revision, ClientSession?)

    var isModern: Bool { if case .modern = self { true } else { false } }
    var session: ClientSession? { if case .legacy(_, let session) = self { session } else { nil } }

    /// What the client said it can do; `{}` where it did not say.
    var capabilities: [UInt8] {
        switch self {
        case .modern(let capabilities): capabilities
        case .legacy(_, let session): session?.capabilities ?? Array("{}".utf8)
        }
    }
}

/// A session of a legacy client with us. The handle holds all of it, sealed: nothing is kept, so that it outlives restarts
/// (mcp.md §4.3).
struct ClientSession: Sendable {
    /// What the client shows.
    let handle: String
    /// The upstream's own session, when it is of the same era.
    let upstream: LegacySession?
    let version: String
    let capabilities: [UInt8]
    let info: [UInt8]
}

/// One request of a client on its way to the upstream.
final class Ask: Sendable {
    let message: RPCMessage
    /// The client's id, as JSON.
    let id: [UInt8]
    let caller: Principal
    let context: RequestContext
    let client: ClientSide
    let acceptsStream: Bool
    /// Set where the gate judged it.
    let call: AdmittedCall?

    init(
        message: RPCMessage, id: [UInt8], caller: Principal, context: RequestContext, client: ClientSide, acceptsStream: Bool,
        call: AdmittedCall?
    ) {
        self.message = message
        self.id = id
        self.caller = caller
        self.context = context
        self.client = client
        self.acceptsStream = acceptsStream
        self.call = call
    }

    var method: String { message.method }
    var origin: RequestOrigin { RequestOrigin(context) }
    /// What `Mcp-Name` mirrors.
    var name: String? {
        switch method {
        case "tools/call", "prompts/get": message.params?["name"]?.string
        case "resources/read": message.params?["uri"]?.string
        default: nil
        }
    }

    /// Ties a handle to what it was given for: method, name and arguments.
    var binding: String {
        let arguments = message.params?["arguments"]?.value.canonical ?? []
        let bytes = Array((method + "\u{0}" + (name ?? "") + "\u{0}").utf8) + arguments
        return Hex.encode(SHA256.digest(bytes))
    }

    /// True for a request whose second sending could do harm.
    var isRepeatable: Bool { call?.isReadOnly ?? true }
}

/// A call the gate let in. Its end is told exactly once, at the latest when nobody refers to it any more.
final class AdmittedCall: Sendable {
    let fields: Fields
    private let call: ToolCall
    var notes: CallNotes? { call.notes }
    private let gate: any Gate
    private let context: RequestContext
    private let once = Once()

    init(_ call: ToolCall, fields: Fields, gate: any Gate, context: RequestContext) {
        self.call = call
        self.fields = fields
        self.gate = gate
        self.context = context
    }

    var isReadOnly: Bool { call.tool.annotations.isReadOnly }

    /// False when the end could not be recorded and the answer must not leave.
    func finish(_ outcome: ToolOutcome) async -> Bool {
        guard once.take() else { return true }
        return await gate.finish(call, outcome: outcome, in: context)
    }

    deinit {
        guard once.take() else { return }
        // Awaited by nobody: the answer was dropped before it began, and the place in flight must be given back.
        Task(executorPreference: context.executor) { [call, gate, context] in
            _ = await gate.finish(call, outcome: .cancelled, in: context)
        }
    }
}
