/// The server's side of one HTTP/1 connection as a machine without I/O or clock: bytes and verdicts in, what to do next out
/// (RFC 9112 §9). Requests are answered one after the other, in order, however they are pipelined.
package struct ServerConnection: Sendable {
    /// What the owner does next.
    package enum Step: Sendable, Equatable {
        /// Nothing of a request has come yet: read, for as long as an idle connection may wait.
        case awaitRequest
        /// A head has begun: read, within the time a head may take.
        case awaitHead
        /// `request` has a head: decide how large a body may be, then call `acceptBody`.
        case judge
        /// Read more of the body.
        case awaitBody
        /// `request` is whole: answer it, then call `finish`.
        case respond
    }

    /// What follows an answer.
    package enum Next: Sendable, Equatable {
        /// The next request, of which bytes may be there already.
        case readNext
        /// Close after what was written has left.
        case close
        /// Announce the end, then drop what the peer still sends for a while, so that the answer is not lost to a reset.
        case closeLingering
    }

    private enum Phase: Equatable { case head, judging, body, responding, closed }

    package var request = Request(method: .get, path: "/")
    package private(set) var head = RequestHead()
    /// Body bytes received so far, for the least rate.
    package private(set) var bodyReceived = 0
    private var phase = Phase.head
    private var parser: RequestHeadParser
    private var chunks = ChunkedDecoder()
    private var bodyLimit = 0
    private var remaining = 0

    package init(limits: RequestHeadLimits = RequestHeadLimits()) { parser = RequestHeadParser(limits: limits) }

    /// True while a part of a request has come and the rest has not: the peer owes us bytes.
    package var isMidRequest: Bool { phase == .body || phase == .head && parser.hasBegun }

    /// Works on the bytes not consumed before.
    /// - Returns: what to do next, and how many bytes are used up and must be dropped.
    /// - Throws: why the request is refused. Answer with its status, call `refuse`, and close as that says.
    package mutating func advance(_ input: Span<UInt8>) throws(RequestRefusal) -> (step: Step, consumed: Int) {
        switch phase {
        case .head:
            guard let head = try parser.parse(input, into: &request) else {
                return (parser.hasBegun ? .awaitHead : .awaitRequest, 0)
            }
            self.head = head
            request.body.removeAll(keepingCapacity: true)
            bodyReceived = 0
            phase = .judging
            return (.judge, head.length)
        case .body: return try readBody(input)
        case .judging: return (.judge, 0)
        case .responding, .closed: return (.respond, 0)
        }
    }

    /// Says how large the body of the current request may be, in bytes.
    /// - Returns: true when the client waits for `100 Continue` and should have it now.
    /// - Throws: `.bodyTooLarge` when the head announces more; nothing of the body is read then.
    package mutating func acceptBody(limit: Int) throws(RequestRefusal) -> Bool {
        precondition(phase == .judging, "a body is accepted once, after its head")
        bodyLimit = limit
        switch head.framing {
        case .none:
            phase = .responding
            return false
        case .length(let length):
            guard length <= limit else { throw .bodyTooLarge }
            remaining = length
        case .chunked:
            chunks = ChunkedDecoder()
        }
        phase = .body
        return head.expectsContinue
    }

    /// After the answer was written.
    /// - Parameter keepsOpen: false when the server drains, or the answer could only end with the connection.
    package mutating func finish(keepsOpen: Bool) -> Next {
        precondition(phase == .responding, "an answer belongs to a whole request")
        guard keepsOpen, head.persists else {
            phase = .closed
            return .close
        }
        phase = .head
        // What the next request will hardly need is not kept while the connection idles.
        if request.body.capacity > Self.keptBody { request.body = [] }
        return .readNext
    }

    /// Bytes of memory a body may leave behind for the next one.
    private static let keptBody = 4096

    /// After a refusal was answered: where the next request would begin is unknown, or its body is unread.
    package mutating func refuse() -> Next {
        phase = .closed
        return .closeLingering
    }

    private mutating func readBody(_ input: Span<UInt8>) throws(RequestRefusal) -> (step: Step, consumed: Int) {
        let consumed: Int
        let isWhole: Bool
        if head.framing == .chunked {
            consumed = try chunks.decode(input, into: &request.body, limit: bodyLimit)
            isWhole = chunks.isDone
        } else {
            consumed = min(remaining, input.count)
            unsafe input.extracting(0..<consumed).withUnsafeBufferPointer { unsafe request.body.append(contentsOf: $0) }
            remaining -= consumed
            isWhole = remaining == 0
        }
        bodyReceived += consumed
        if isWhole { phase = .responding }
        return (isWhole ? .respond : .awaitBody, consumed)
    }
}
