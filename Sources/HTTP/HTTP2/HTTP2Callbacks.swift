internal import CNghttp2

/// The C side of a session: each callback finds its session and says there what nghttp2 said.
enum HTTP2Callbacks {
    /// A server session that speaks to `owner`, which must outlive it.
    @unsafe static func makeSession(for owner: HTTP2Session) -> OpaquePointer? {
        var session: OpaquePointer?
        let options = unsafe makeOptions(owner.limits)
        let callbacks = unsafe makeCallbacks()
        let code = unsafe nghttp2_session_server_new2(
            &session, callbacks, Unmanaged.passUnretained(owner).toOpaque(), options)
        unsafe nghttp2_session_callbacks_del(callbacks)
        unsafe nghttp2_option_del(options)
        precondition(code == 0, "out of memory")
        return unsafe session
    }

    /// Where nghttp2 takes the body of an answer from.
    @unsafe static func provider(for stream: HTTP2Stream) -> nghttp2_data_provider {
        var provider = unsafe nghttp2_data_provider()
        unsafe provider.source.ptr = Unmanaged.passUnretained(stream).toOpaque()
        unsafe provider.read_callback = read
        return unsafe provider
    }

    private static func makeOptions(_ limits: HTTP2Limits) -> OpaquePointer? {
        var options: OpaquePointer?
        unsafe nghttp2_option_new(&options)
        // Our own answers to a peer that floods; nghttp2's bounds stay behind ours.
        unsafe nghttp2_option_set_max_outbound_ack(options, 128)
        unsafe nghttp2_option_set_max_settings(options, 16)
        unsafe nghttp2_option_set_max_continuations(options, 8)
        unsafe nghttp2_option_set_no_closed_streams(options, 1)
        return unsafe options
    }

    private static func makeCallbacks() -> OpaquePointer? {
        var callbacks: OpaquePointer?
        unsafe nghttp2_session_callbacks_new(&callbacks)
        unsafe nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, beginHeaders)
        unsafe nghttp2_session_callbacks_set_on_header_callback(callbacks, header)
        unsafe nghttp2_session_callbacks_set_on_invalid_header_callback(callbacks, invalidHeader)
        unsafe nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, frameReceived)
        unsafe nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, data)
        unsafe nghttp2_session_callbacks_set_on_frame_send_callback(callbacks, frameSent)
        unsafe nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, streamClosed)
        return unsafe callbacks
    }

    private static func session(_ data: UnsafeMutableRawPointer?) -> HTTP2Session {
        unsafe Unmanaged<HTTP2Session>.fromOpaque(data.unsafelyUnwrapped).takeUnretainedValue()
    }

    private static let beginHeaders: nghttp2_on_begin_headers_callback = { _, frame, data in
        guard let frame = unsafe frame, unsafe frame.pointee.headers.cat == NGHTTP2_HCAT_REQUEST else { return 0 }
        unsafe session(data).begin(frame.pointee.hd.stream_id)
        return 0
    }

    private static let header: nghttp2_on_header_callback = { _, frame, name, nameLength, value, valueLength, _, data in
        guard let frame = unsafe frame else { return 0 }
        let nameBytes = unsafe UnsafeBufferPointer(start: name, count: nameLength)
        let valueBytes = unsafe UnsafeBufferPointer(start: value, count: valueLength)
        let goesOn = unsafe session(data).field(frame.pointee.hd.stream_id, nameBytes.span, valueBytes.span)
        return goesOn ? 0 : NGHTTP2_ERR_CALLBACK_FAILURE.rawValue
    }

    private static let invalidHeader: nghttp2_on_invalid_header_callback = { _, frame, name, nameLength, _, _, _, data in
        guard let frame = unsafe frame, let name = unsafe name else { return 0 }
        let isName = unsafe nghttp2_check_header_name(name, nameLength) == 0
        unsafe session(data).invalidField(frame.pointee.hd.stream_id, isName: isName)
        return 0
    }

    private static let frameReceived: nghttp2_on_frame_recv_callback = { _, frame, data in
        guard let frame = unsafe frame else { return 0 }
        let head = unsafe frame.pointee.hd
        let endsStream = head.flags & UInt8(NGHTTP2_FLAG_END_STREAM.rawValue) != 0
        let owner = unsafe session(data)
        switch UInt32(head.type) {
        case NGHTTP2_HEADERS.rawValue: owner.headEnded(head.stream_id, endsStream: endsStream)
        case NGHTTP2_DATA.rawValue: owner.dataEnded(head.stream_id, length: head.length, endsStream: endsStream)
        default: owner.frame(head.type, isAcknowledgement: head.flags & UInt8(NGHTTP2_FLAG_ACK.rawValue) != 0)
        }
        return 0
    }

    private static let data: nghttp2_on_data_chunk_recv_callback = { _, _, id, bytes, count, data in
        unsafe session(data).body(id, UnsafeBufferPointer(start: bytes, count: count).span)
        return 0
    }

    private static let frameSent: nghttp2_on_frame_send_callback = { _, frame, data in
        guard let frame = unsafe frame else { return 0 }
        let head = unsafe frame.pointee.hd
        unsafe session(data).sent(
            head.type, head.stream_id, endsStream: head.flags & UInt8(NGHTTP2_FLAG_END_STREAM.rawValue) != 0)
        return 0
    }

    private static let streamClosed: nghttp2_on_stream_close_callback = { _, id, _, data in
        unsafe session(data).closed(id)
        return 0
    }

    private static let read: nghttp2_data_source_read_callback = { _, _, out, length, flags, source, data in
        guard let source = unsafe source?.pointee.ptr, let flags = unsafe flags else { return 0 }
        let stream = unsafe Unmanaged<HTTP2Stream>.fromOpaque(source).takeUnretainedValue()
        guard let (count, isEnd) = unsafe session(data).fill(stream, UnsafeMutableBufferPointer(start: out, count: length)) else {
            return ssize_t(NGHTTP2_ERR_DEFERRED.rawValue)
        }
        if isEnd { unsafe flags.pointee |= UInt32(NGHTTP2_DATA_FLAG_EOF.rawValue) }
        return count
    }
}
