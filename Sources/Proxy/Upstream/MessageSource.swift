internal import Client
internal import HTTP
internal import Primitives

/// The JSON-RPC messages of one upstream answer, one by one, whether it is JSON or an event stream. Not `Sendable`.
final class MessageSource {
    enum Incoming {
        case message(JSONDocument, StreamEvent?)
        /// An event without data: an id to resume at, or a time to wait.
        case mark(StreamEvent)
        /// Nothing within the time given; asking again is allowed.
        case quiet
        case end
    }

    let exchange: UpstreamExchange
    /// True for `text/event-stream`.
    let isStream: Bool
    let isJSON: Bool
    private let limit: Int
    private var reader: EventReader
    private var isOver = false
    /// Of a JSON answer, what has come.
    private var body: [UInt8] = []

    init(_ exchange: UpstreamExchange, limit: Int) {
        self.exchange = exchange
        self.limit = limit
        reader = EventReader(limit: limit)
        let fields = exchange.fields
        let type: String? =
            fields.hasValue(.contentType, "application/json")
            ? "application/json" : fields[.contentType].flatMap { MediaType($0)?.essence }
        isStream = type == "text/event-stream"
        isJSON = type == "application/json"
    }

    /// - Throws: `.broken`, `.tooLarge`, `.cancelled`; never `.slow`, which is for the caller to decide.
    func next(within time: Duration) async throws(ProxyFailure) -> Incoming {
        let deadline = MonotonicTime.now() + time
        return isStream ? try await nextEvent(deadline) : try await only(deadline)
    }

    private func only(_ deadline: MonotonicTime) async throws(ProxyFailure) -> Incoming {
        guard !isOver else { return .end }
        do throws(ClientError) {
            while let piece = try await exchange.next(limit: limit, deadline: deadline) { body.append(contentsOf: piece) }
        } catch {
            if error.code == .timeout { return .quiet }
            throw Upstream.failure(error)
        }
        isOver = true
        guard !body.isEmpty else { return .end }
        return .message(try Self.parse(body), nil)
    }

    private func nextEvent(_ deadline: MonotonicTime) async throws(ProxyFailure) -> Incoming {
        while true {
            if let event = reader.next() {
                // Some servers send an empty event to set an id.
                guard event.hasData, !event.data.isEmpty else { return .mark(event) }
                return .message(try Self.parse(event.data), event)
            }
            guard !isOver else { return .end }
            let piece: [UInt8]?
            do throws(ClientError) { piece = try await exchange.next(limit: .max >> 1, deadline: deadline) } catch {
                if error.code == .timeout { return .quiet }
                throw Upstream.failure(error)
            }
            guard let piece else {
                isOver = true
                continue
            }
            do { try reader.feed(piece) } catch {
                exchange.abandon()
                throw ProxyFailure(.tooLarge, "The upstream server sent more than is allowed. Ask for less.")
            }
        }
    }

    private static func parse(_ bytes: [UInt8]) throws(ProxyFailure) -> JSONDocument {
        do throws(JSONError) { return try JSONDocument(parsing: bytes) } catch {
            throw ProxyFailure(.broken, "The upstream server sent what is no JSON. Tell the administrator.")
        }
    }
}
