internal import CNghttp2
package import Primitives

/// The server's side of one HTTP/2 connection as a machine without I/O or clock (RFC 9113): bytes in, events and bytes out.
/// Framing, HPACK and flow control are nghttp2's; what a request may look like and what a peer may cost is ours (HTTP-3).
/// Not `Sendable`: it lives on its connection's loop.
@safe package final class HTTP2Session {
    package enum Event {
        /// The request is whole: answer it.
        case whole(HTTP2Stream)
        /// The request breaks the rule in `refusal`: answer it with that status.
        case refused(HTTP2Stream)
        /// This connection has us hold too much already: answer 503.
        case overloaded(HTTP2Stream)
        /// What was pending of a produced answer has left: its producer may go on.
        case drained(HTTP2Stream)
        /// Nobody reads the answer any more: reset by the peer, or ended. Last word about a stream.
        case closed(HTTP2Stream)
    }

    /// What happened since the owner last took it.
    package private(set) var events: [Event] = []
    /// Streams that are open, in no order.
    package private(set) var streams: [HTTP2Stream] = []
    /// Streams whose body is still to come.
    package private(set) var receivingCount = 0
    /// The peer has shown itself to speak HTTP/2.
    package private(set) var hasBegun = false
    /// A head has begun and not ended: frames of other streams may not come between.
    package private(set) var isMidHead = false
    /// The peer was sent away for flooding us.
    package private(set) var isFlooded = false

    let limits: HTTP2Limits
    /// Says how large the body of a request with a complete head may be. Called within `receive`.
    let judge: (HTTP2Stream) -> Int
    private var session: OpaquePointer?
    private var flood: FloodGuard
    private var now = MonotonicTime(nanoseconds: 0)
    private var heldBytes = 0
    /// Whose head is coming: nothing may come between its frames.
    private var current: HTTP2Stream?
    /// Frames with data we sent, each of which may be answered by a window update or two.
    private var windowCredit = 64

    /// - Parameter judge: called once for each request with a complete head, before its body is taken.
    package init(limits: HTTP2Limits = HTTP2Limits(), judge: @escaping (HTTP2Stream) -> Int) {
        self.limits = limits
        self.judge = judge
        flood = FloodGuard(capacity: limits.patience, perSecond: limits.patiencePerSecond)
        unsafe session = unsafe HTTP2Callbacks.makeSession(for: self)
        var settings = [
            nghttp2_settings_entry(settings_id: Int32(NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS.rawValue), value: limits.streams),
            nghttp2_settings_entry(
                settings_id: Int32(NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE.rawValue), value: UInt32(limits.streamWindow)),
            nghttp2_settings_entry(
                settings_id: Int32(NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE.rawValue), value: UInt32(limits.fieldBlock)),
        ]
        unsafe nghttp2_submit_settings(session, UInt8(NGHTTP2_FLAG_NONE.rawValue), &settings, settings.count)
        unsafe nghttp2_session_set_local_window_size(session, UInt8(NGHTTP2_FLAG_NONE.rawValue), 0, limits.connectionWindow)
    }

    deinit { unsafe nghttp2_session_del(session) }

    // MARK: Bytes

    /// Takes bytes from the peer, all of them.
    /// - Returns: false when the connection is beyond repair: send what `produce` still gives, and close.
    package func receive(_ bytes: Span<UInt8>, at now: MonotonicTime) -> Bool {
        self.now = now
        flood.tick(now)
        let taken = unsafe bytes.withUnsafeBufferPointer { unsafe nghttp2_session_mem_recv(session, $0.baseAddress, $0.count) }
        let isTooMuch =
            flood.isEmpty || taken == ssize_t(NGHTTP2_ERR_FLOODED.rawValue)
            || taken == ssize_t(NGHTTP2_ERR_TOO_MANY_CONTINUATIONS.rawValue)
        if isTooMuch, !isFlooded {
            isFlooded = true
            unsafe nghttp2_session_terminate_session(session, UInt32(NGHTTP2_ENHANCE_YOUR_CALM.rawValue))
        }
        return taken == bytes.count && !isFlooded
    }

    /// Appends what is to be sent, up to one full TLS record. - Returns: false when there is nothing to send now.
    package func produce(into output: inout ByteBuffer, at now: MonotonicTime) -> Bool {
        self.now = now
        let before = output.count
        while output.count < 16 * 1024 - 1024 {
            var bytes: UnsafePointer<UInt8>?
            let count = unsafe nghttp2_session_mem_send(session, &bytes)
            guard count > 0, let bytes = unsafe bytes else { break }
            unsafe output.append(UnsafeBufferPointer(start: bytes, count: count).span)
        }
        return output.count > before
    }

    /// Both sides have said everything: close.
    package var isOver: Bool { unsafe nghttp2_session_want_read(session) == 0 && nghttp2_session_want_write(session) == 0 }

    /// Takes the events, in their order. The array given is emptied and its memory used again.
    package func takeEvents(into taken: inout [Event]) {
        taken.removeAll(keepingCapacity: true)
        swap(&taken, &events)
    }

    // MARK: Answers

    /// Answers a stream. A body that is produced while it is sent is given piece by piece to `send`.
    /// - Parameters:
    ///   - date: the value of `Date`.
    ///   - isWhole: false announces that `send` and `finish` follow.
    package func answer(_ stream: HTTP2Stream, _ response: Response, date: [UInt8], isWhole: Bool) {
        guard !stream.isClosed, !stream.isAnswered else { return }
        stream.isAnswered = true
        stream.movedAt = now
        let code = response.status.code
        let hasNoBody = code == 204 || code == 304
        var length: Int? = isWhole && !hasNoBody ? 0 : nil
        if case .bytes(let bytes) = response.body, !hasNoBody {
            length = bytes.count
            if stream.request.method != .head { stream.pending = bytes }
        }
        stream.isProducing = !isWhole
        let hasBody = stream.hasPending || stream.isProducing
        let isSubmitted = unsafe HTTP2Fields.submit(response, length: length, date: date) { fields, count in
            guard hasBody else { return unsafe nghttp2_submit_response(session, stream.id, fields, count, nil) == 0 }
            var provider = unsafe HTTP2Callbacks.provider(for: stream)
            return unsafe nghttp2_submit_response(session, stream.id, fields, count, &provider) == 0
        }
        if !isSubmitted { reset(stream, .internalError) }
    }

    /// Queues a piece of a produced answer. The producer waits for `.drained` before the next one.
    package func send(_ bytes: [UInt8], on stream: HTTP2Stream) {
        guard !stream.isClosed, !bytes.isEmpty else { return }
        if stream.hasPending { stream.pending.append(contentsOf: bytes) } else { (stream.pending, stream.offset) = (bytes, 0) }
        stream.movedAt = now
        resume(stream)
    }

    /// Ends a produced answer.
    package func finish(_ stream: HTTP2Stream) {
        guard !stream.isClosed, stream.isProducing else { return }
        stream.isProducing = false
        resume(stream)
    }

    /// Why we reset a stream (RFC 9113 §7).
    package enum ResetReason: UInt32, Sendable {
        case noError = 0
        case protocolError = 1
        case internalError = 2
        case cancel = 8
        case enhanceYourCalm = 11
    }

    package func reset(_ stream: HTTP2Stream, _ reason: ResetReason) {
        guard !stream.isClosed else { return }
        unsafe nghttp2_submit_rst_stream(session, UInt8(NGHTTP2_FLAG_NONE.rawValue), stream.id, reason.rawValue)
    }

    /// Refuses a request whose body comes too slowly.
    package func giveUp(on stream: HTTP2Stream) {
        stream.refuse(.bodyTimeout)
        refused(stream, .refused(stream))
    }

    // MARK: The end

    /// The connection is gone: no stream can be answered any more.
    package func abandon() {
        for stream in streams { stream.isClosed = true }
    }

    /// Announces the end: the peer should open no new stream, and those it has opened meanwhile are still served.
    package func announceEnd() { unsafe nghttp2_submit_shutdown_notice(session) }

    /// Takes no stream beyond those begun; the session is over when they are.
    package func refuseNewStreams() {
        let last = unsafe nghttp2_session_get_last_proc_stream_id(session)
        unsafe nghttp2_submit_goaway(
            session, UInt8(NGHTTP2_FLAG_NONE.rawValue), last, UInt32(NGHTTP2_NO_ERROR.rawValue), nil, 0)
    }

    /// Ends the session at once, with the last word to the peer.
    package func terminate(_ reason: ResetReason) { unsafe nghttp2_session_terminate_session(session, reason.rawValue) }

    private func resume(_ stream: HTTP2Stream) {
        guard stream.isDeferred else { return }
        stream.isDeferred = false
        unsafe nghttp2_session_resume_data(session, stream.id)
    }
}

// MARK: - What nghttp2 tells

extension HTTP2Session {
    func begin(_ id: Int32) {
        let stream = HTTP2Stream(id: id)
        stream.place = streams.count
        stream.movedAt = now
        streams.append(stream)
        receivingCount += 1
        isMidHead = true
        current = stream
        unsafe nghttp2_session_set_stream_user_data(session, id, Unmanaged.passUnretained(stream).toOpaque())
    }

    func stream(_ id: Int32) -> HTTP2Stream? {
        guard let data = unsafe nghttp2_session_get_stream_user_data(session, id) else { return nil }
        return unsafe Unmanaged<HTTP2Stream>.fromOpaque(data).takeUnretainedValue()
    }

    /// A field of a head. False when the peer goes on beyond all bounds: the connection ends.
    func field(_ id: Int32, _ name: Span<UInt8>, _ value: Span<UInt8>) -> Bool {
        // Trailers have no stream here.
        guard let stream = current, stream.id == id else { return true }
        stream.take(name, value, limits: limits)
        guard stream.fieldBytes <= 2 * limits.fieldBlock else {
            flood.pay(Double(limits.patience) * 2)
            return false
        }
        return true
    }

    /// nghttp2 found a field that may not be.
    func invalidField(_ id: Int32, isName: Bool) {
        stream(id)?.refuse(isName ? .invalidFieldName : .invalidFieldValue)
    }

    func headEnded(_ id: Int32, endsStream: Bool) {
        isMidHead = false
        current = nil
        guard let stream = stream(id) else { return }
        guard !stream.hasHead else {
            // Trailers: dropped (HTTP-3).
            if endsStream { bodyEnded(stream) }
            return
        }
        stream.hasHead = true
        stream.received = now
        stream.movedAt = now
        stream.settle()
        if stream.refusal == nil {
            stream.bodyLimit = judge(stream)
            if let length = stream.contentLength, length > stream.bodyLimit { stream.refuse(.bodyTooLarge) }
        }
        if stream.refusal != nil { return refused(stream, .refused(stream)) }
        if endsStream { return bodyEnded(stream) }
        if stream.expectsContinue { proceed(stream) }
    }

    func body(_ id: Int32, _ bytes: Span<UInt8>) {
        guard let stream = stream(id), stream.isReceiving else { return }
        stream.bodyReceived += bytes.count
        stream.movedAt = now
        guard stream.bodyReceived <= stream.bodyLimit else {
            stream.refuse(.bodyTooLarge)
            return refused(stream, .refused(stream))
        }
        guard heldBytes + bytes.count <= limits.heldBodies else { return refused(stream, .overloaded(stream)) }
        heldBytes += bytes.count
        unsafe bytes.withUnsafeBufferPointer { unsafe stream.request.body.append(contentsOf: $0) }
    }

    func dataEnded(_ id: Int32, length: Int, endsStream: Bool) {
        if length == 0, !endsStream { flood.pay(4) }
        if endsStream, let stream = stream(id) { bodyEnded(stream) }
    }

    private func bodyEnded(_ stream: HTTP2Stream) {
        guard stream.isReceiving else { return }
        // A trailer that may not be is as malformed as such a field.
        guard stream.refusal == nil else { return refused(stream, .refused(stream)) }
        stopReceiving(stream)
        hasBegun = true
        events.append(.whole(stream))
    }

    private func refused(_ stream: HTTP2Stream, _ event: Event) {
        guard stream.isReceiving else { return }
        stopReceiving(stream)
        release(stream)
        events.append(event)
    }

    private func stopReceiving(_ stream: HTTP2Stream) {
        guard stream.isReceiving else { return }
        stream.isReceiving = false
        receivingCount -= 1
    }

    /// The owner has the body, or nobody wants it: it no longer counts.
    private func release(_ stream: HTTP2Stream) {
        heldBytes -= stream.request.body.count
        stream.request.body = []
    }

    /// Hands a whole body over to whoever answers.
    package func takeRequest(of stream: HTTP2Stream) -> Request {
        let request = stream.request
        release(stream)
        return request
    }

    private func proceed(_ stream: HTTP2Stream) {
        unsafe HTTP2Fields.submitContinue { fields, count in
            unsafe nghttp2_submit_headers(
                session, UInt8(NGHTTP2_FLAG_NONE.rawValue), stream.id, nil, fields, count, nil)
        }
    }

    /// Any other frame of the peer, with what it costs.
    func frame(_ type: UInt8, isAcknowledgement: Bool) {
        switch UInt32(type) {
        case NGHTTP2_SETTINGS.rawValue:
            hasBegun = true
            if !isAcknowledgement { flood.pay(4) }
        case NGHTTP2_PING.rawValue: if !isAcknowledgement { flood.pay(4) }
        case NGHTTP2_RST_STREAM.rawValue: flood.pay(4)
        case NGHTTP2_PRIORITY.rawValue: flood.pay(2)
        case NGHTTP2_WINDOW_UPDATE.rawValue: if windowCredit > 0 { windowCredit -= 1 } else { flood.pay(1) }
        default: flood.pay(1)
        }
    }

    func sent(_ type: UInt8, _ id: Int32, endsStream: Bool) {
        switch UInt32(type) {
        case NGHTTP2_DATA.rawValue: windowCredit = min(windowCredit + 3, 4096)
        // A reset we were made to send costs as much as one received (CVE-2025-8671), unless it only stops a refused body.
        case NGHTTP2_RST_STREAM.rawValue: if stream(id)?.isAnswered != true { flood.pay(4) }
        default: break
        }
        // The answer is whole and the request is not: the rest of it is not wanted (RFC 9113 §8.1).
        guard endsStream, let stream = stream(id), !stream.isClosed, stream.refusal != nil else { return }
        reset(stream, .noError)
    }

    /// The next bytes of an answer. Nil when there are none now and the peer has to wait.
    func fill(_ stream: HTTP2Stream, _ out: UnsafeMutableBufferPointer<UInt8>) -> (count: Int, isEnd: Bool)? {
        let count = min(out.count, stream.pending.count - stream.offset)
        if count > 0 {
            unsafe stream.pending.withUnsafeBufferPointer { source in
                unsafe out.baseAddress?.update(from: source.baseAddress.unsafelyUnwrapped + stream.offset, count: count)
            }
            stream.offset += count
            stream.movedAt = now
        }
        guard !stream.hasPending else { return (count, false) }
        if count > 0 {
            (stream.pending, stream.offset) = ([], 0)
            if stream.isProducing { events.append(.drained(stream)) }
        }
        if !stream.isProducing { return (count, true) }
        if count == 0 {
            stream.isDeferred = true
            return nil
        }
        return (count, false)
    }

    func closed(_ id: Int32) {
        guard let stream = stream(id) else { return }
        if current === stream {
            current = nil
            isMidHead = false
        }
        stopReceiving(stream)
        release(stream)
        stream.isClosed = true
        unsafe nghttp2_session_set_stream_user_data(session, id, nil)
        let last = streams.removeLast()
        if last !== stream {
            last.place = stream.place
            streams[stream.place] = last
        }
        events.append(.closed(stream))
    }
}
