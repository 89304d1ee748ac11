internal import CCurl
internal import Glibc
internal import HTTP
internal import Primitives

/// One libcurl easy handle and what it has received. Lives on the client's thread alone.
@safe final class Transfer {
    /// Bytes of all response fields together; more is refused.
    private static let maximumHeaderBytes = 64 << 10

    let order: Order
    let easy: UnsafeMutableRawPointer
    private var list: UnsafeMutablePointer<curl_slist>?
    /// Where a pinned request connects to.
    private var pin: UnsafeMutablePointer<curl_slist>?
    private var status = 0
    private var fields = Fields()
    private var headerBytes = 0
    private var body: [UInt8] = []
    private var isTooLarge = false
    private var isOpen = true

    /// Nil when libcurl refuses an option.
    init?(_ order: Order, _ settings: HTTPClient.Settings) {
        guard let easy = unsafe curl_easy_init() else { return nil }
        self.order = order
        unsafe self.easy = easy
        guard makeList(), configure(settings) else {
            close()
            return nil
        }
    }

    deinit { close() }

    /// Frees the handle and wipes the list of fields. The handle must have left the multi handle.
    func close() {
        guard isOpen else { return }
        isOpen = false
        unsafe curl_easy_cleanup(easy)
        var node = unsafe list
        while let current = unsafe node {
            if let text = unsafe current.pointee.data { unsafe explicit_bzero(text, strlen(text)) }
            unsafe node = current.pointee.next
        }
        unsafe curl_slist_free_all(list)
        unsafe list = nil
        unsafe curl_slist_free_all(pin)
        unsafe pin = nil
    }

    /// True once bytes of the request have gone out.
    var wasSent: Bool {
        var size = 0
        _ = unsafe gh_curl_get_long(easy, CURLINFO_REQUEST_SIZE, &size)
        return size > 0
    }

    func result(_ code: CURLcode) -> Result<OutboundResponse, ClientError> {
        if isTooLarge {
            return .failure(ClientError(.tooLarge, mayHaveBeenSent: true, detail: "the answer is longer than allowed"))
        }
        guard code == CURLE_OK else {
            return .failure(
                ClientError(Self.reason(code), mayHaveBeenSent: wasSent, detail: unsafe String(cString: curl_easy_strerror(code))))
        }
        return .success(OutboundResponse(status: status, fields: fields, body: body))
    }

    private static func reason(_ code: CURLcode) -> ClientError.Code {
        switch code {
        case CURLE_COULDNT_RESOLVE_HOST, CURLE_COULDNT_RESOLVE_PROXY: .resolve
        case CURLE_COULDNT_CONNECT: .connect
        case CURLE_OPERATION_TIMEDOUT: .timeout
        case CURLE_SSL_CONNECT_ERROR, CURLE_PEER_FAILED_VERIFICATION, CURLE_SSL_CACERT_BADFILE, CURLE_SSL_CERTPROBLEM,
            CURLE_SSL_CIPHER, CURLE_SSL_ISSUER_ERROR, CURLE_SSL_INVALIDCERTSTATUS:
            .tls
        case CURLE_URL_MALFORMAT, CURLE_UNSUPPORTED_PROTOCOL: .invalidRequest
        default: .transport
        }
    }

    // MARK: options

    /// libcurl copies each line, so that these copies are the ones to wipe.
    private func makeList() -> Bool {
        var lines: [[UInt8]] = [Array("Expect:".utf8)]
        for (name, value) in order.request.fields { lines.append(Self.line(name, Array(value.utf8))) }
        if order.request.body.isEmpty { lines.append(Array("Content-Type:".utf8)) }
        for line in lines { guard append(line) else { return false } }
        for (name, secret) in order.request.secretFields {
            var line = secret.expose { Self.line(name, $0) }
            defer { Self.wipe(&line) }
            guard append(line) else { return false }
        }
        return true
    }

    /// `Name;` is libcurl's way to send an empty value.
    private static func line(_ name: String, _ value: [UInt8]) -> [UInt8] {
        value.isEmpty ? Array("\(name);".utf8) : Array("\(name): ".utf8) + value
    }

    private func append(_ line: [UInt8]) -> Bool {
        var text = line.map { CChar(bitPattern: $0) } + [0]
        defer { Self.wipe(&text) }
        guard let longer = unsafe curl_slist_append(list, text) else { return false }
        unsafe list = longer
        return true
    }

    private static func wipe<Byte: BitwiseCopyable>(_ bytes: inout [Byte]) {
        unsafe bytes.withUnsafeMutableBytes { memory in
            if let start = memory.baseAddress { unsafe explicit_bzero(start, memory.count) }
        }
    }

    private func configure(_ settings: HTTPClient.Settings) -> Bool {
        let request = order.request
        let remaining = max(1, (order.deadline - .now()).milliseconds)
        var codes: [CURLcode] = []
        func set(_ option: CURLoption, _ value: Int) { unsafe codes.append(gh_curl_set_long(easy, option, value)) }
        func set(_ option: CURLoption, _ value: String) { unsafe codes.append(gh_curl_set_string(easy, option, value)) }
        set(CURLOPT_NOSIGNAL, 1)
        set(CURLOPT_URL, request.url)
        set(CURLOPT_PROTOCOLS_STR, "http,https")
        set(CURLOPT_PATH_AS_IS, 1)
        set(CURLOPT_DISALLOW_USERNAME_IN_URL, 1)
        set(CURLOPT_FOLLOWLOCATION, 0)
        set(CURLOPT_PROXY, "")  // empty: the environment's proxies are not used either
        set(CURLOPT_NETRC, 0)
        set(CURLOPT_SSL_VERIFYPEER, 1)
        set(CURLOPT_SSL_VERIFYHOST, 2)
        set(CURLOPT_SSLVERSION, Int(CURL_SSLVERSION_TLSv1_2))  // at least
        if let caFile = settings.caFile { set(CURLOPT_CAINFO, caFile) }
        set(CURLOPT_USERAGENT, settings.userAgent)
        set(CURLOPT_CONNECTTIMEOUT_MS, Int(min(max(1, request.connectTimeout.milliseconds), remaining)))
        set(CURLOPT_TIMEOUT_MS, Int(remaining))
        set(CURLOPT_TCP_KEEPALIVE, 1)
        set(CURLOPT_FRESH_CONNECT, request.isRepeatable ? 0 : 1)
        unsafe codes.append(gh_curl_set_list(easy, CURLOPT_HTTPHEADER, list))
        addMethod(request, &codes)
        addPin(request, &codes)
        addCallbacks(&codes)
        return codes.allSatisfy { $0 == CURLE_OK }
    }

    private func addMethod(_ request: OutboundRequest, _ codes: inout [CURLcode]) {
        unsafe codes.append(gh_curl_set_string(easy, CURLOPT_CUSTOMREQUEST, request.method.rawValue))
        switch request.method {
        case .head: unsafe codes.append(gh_curl_set_long(easy, CURLOPT_NOBODY, 1))
        case .get where request.body.isEmpty, .delete where request.body.isEmpty, .options where request.body.isEmpty: break
        default:
            unsafe codes.append(gh_curl_set_large(easy, CURLOPT_POSTFIELDSIZE_LARGE, curl_off_t(request.body.count)))
            unsafe request.body.withUnsafeBytes { bytes in
                let start = unsafe UnsafeMutableRawPointer(mutating: bytes.baseAddress)
                // A length of 0 reads nothing, so any pointer will do.
                unsafe codes.append(gh_curl_set_pointer(easy, CURLOPT_COPYPOSTFIELDS, start ?? easy))
            }
        }
    }

    /// CONNECT_TO rather than RESOLVE: it leaves no entry in the shared name cache, and an empty host and port match every
    /// spelling, so that the resolver is never asked. A connection of its own, since one in the pool may go elsewhere.
    private func addPin(_ request: OutboundRequest, _ codes: inout [CURLcode]) {
        guard let address = request.pinnedAddress else { return }
        let target = address.isIPv4 ? "::\(address):" : "::[\(address)]:"
        unsafe pin = curl_slist_append(nil, target)
        guard unsafe pin != nil else { return codes.append(CURLE_OUT_OF_MEMORY) }
        unsafe codes.append(gh_curl_set_list(easy, CURLOPT_CONNECT_TO, pin))
        unsafe codes.append(gh_curl_set_long(easy, CURLOPT_FRESH_CONNECT, 1))
        unsafe codes.append(gh_curl_set_long(easy, CURLOPT_FORBID_REUSE, 1))
    }

    private func addCallbacks(_ codes: inout [CURLcode]) {
        // Unretained: the worker holds this object until the handle has left the multi handle.
        let own = unsafe Unmanaged.passUnretained(self).toOpaque()
        unsafe codes.append(gh_curl_set_pointer(easy, CURLOPT_WRITEDATA, own))
        unsafe codes.append(gh_curl_set_pointer(easy, CURLOPT_HEADERDATA, own))
        unsafe codes.append(
            gh_curl_set_write(easy, CURLOPT_WRITEFUNCTION) { bytes, size, count, context in
                guard let bytes = unsafe bytes, let context = unsafe context else { return 0 }
                let chunk = unsafe UnsafeRawBufferPointer(start: bytes, count: size * count)
                return unsafe Unmanaged<Transfer>.fromOpaque(context).takeUnretainedValue().receive(body: chunk)
            })
        unsafe codes.append(
            gh_curl_set_write(easy, CURLOPT_HEADERFUNCTION) { bytes, size, count, context in
                guard let bytes = unsafe bytes, let context = unsafe context else { return 0 }
                let line = unsafe UnsafeRawBufferPointer(start: bytes, count: size * count)
                return unsafe Unmanaged<Transfer>.fromOpaque(context).takeUnretainedValue().receive(line: line)
            })
    }

    // MARK: what arrives

    /// Anything but the count given ends the transfer.
    private func receive(body chunk: UnsafeRawBufferPointer) -> Int {
        guard body.count + chunk.count <= order.request.maximumResponseBytes else {
            isTooLarge = true
            return chunk.count == 0 ? 1 : 0
        }
        unsafe body.append(contentsOf: chunk)
        return chunk.count
    }

    private func receive(line: UnsafeRawBufferPointer) -> Int {
        headerBytes += line.count
        guard headerBytes <= Self.maximumHeaderBytes else {
            isTooLarge = true
            return 0
        }
        let bytes = unsafe Array(line).filter { $0 != 0x0D && $0 != 0x0A }
        if bytes.starts(with: "HTTP/".utf8) {
            // A new head: that of an interim answer is forgotten.
            fields.removeAll()
            let parts = bytes.split(separator: 0x20, maxSplits: 2)
            status = parts.count > 1 ? Int(String(decoding: parts[1], as: UTF8.self)) ?? 0 : 0
        } else if let colon = bytes.firstIndex(of: UInt8(ascii: ":")), colon > 0 {
            let value = bytes[(colon + 1)...].drop { $0 == 0x20 || $0 == 0x09 }
            let end = value.lastIndex { $0 != 0x20 && $0 != 0x09 }.map { $0 + 1 } ?? value.startIndex
            fields.append(name: bytes[..<colon], value: value[..<end])
        }
        return line.count
    }
}
