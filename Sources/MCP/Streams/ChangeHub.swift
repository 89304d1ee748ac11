internal import Primitives
internal import Synchronization

/// Something clients may have asked to be told of.
package enum Change: Sendable, Hashable {
    case tools, prompts, resources
    /// One resource has other contents than before.
    case resource(uri: String)
    /// One task has another state; the name is the process's own, not the handle.
    case task(TaskRecord.ID)
}

/// Tells changes to the streams that wait for them, of both eras.
package final class ChangeHub: Sendable {
    private let listeners = Mutex<[ObjectIdentifier: ChangeListener]>([:])

    package init() {}

    /// Tells everybody who asked. Never waits: a slow reader loses its stream, not the publisher its time.
    package func publish(_ change: Change) {
        for listener in listeners.withLock({ Array($0.values) }) { listener.tell(change) }
    }

    func add(_ listener: ChangeListener) { listeners.withLock { $0[ObjectIdentifier(listener)] = listener } }

    func remove(_ listener: ChangeListener) { listeners.withLock { $0[ObjectIdentifier(listener)] = nil } }
}

/// One stream and what it asked for.
final class ChangeListener: Sendable {
    private let stream: OpenStream
    /// Renders what this stream wants to hear of a change; nil for what it did not ask for.
    private let render: @Sendable (Change) -> [UInt8]?

    init(_ stream: OpenStream, render: @escaping @Sendable (Change) -> [UInt8]?) {
        self.stream = stream
        self.render = render
    }

    func tell(_ change: Change) {
        if let message = render(change) { stream.push(message) }
    }
}

extension Change {
    /// Method and parameters of the notification. - Parameter meta: the `_meta` of 2026-07-28 streams.
    func notification(meta: JSONValue?) -> [UInt8]? {
        var params = JSONObject()
        let method: String
        switch self {
        case .tools: method = "notifications/tools/list_changed"
        case .prompts: method = "notifications/prompts/list_changed"
        case .resources: method = "notifications/resources/list_changed"
        case .resource(let uri):
            method = "notifications/resources/updated"
            params.append("uri", .string(uri))
        case .task: return nil
        }
        if let meta { params.append("_meta", meta) }
        return RPCReply.notification(method, .object(params))
    }
}
