internal import CLinux
internal import Glibc
internal import Primitives

/// A syslog that takes RFC 5424: a socket of this machine, UDP (RFC 5426), or TCP with counted octets (RFC 6587 §3.4.1).
struct SyslogTarget: Sendable {
    private enum Way: Sendable {
        case unix(String)
        case datagram(host: String, port: String)
        case stream(host: String, port: String)
    }

    private let way: Way

    /// `unix:PATH`, `udp:HOST:PORT` or `tcp:HOST:PORT`; an IPv6 address in brackets.
    init?(_ text: Substring) {
        guard let colon = text.firstIndex(of: ":") else { return nil }
        let rest = text[text.index(after: colon)...]
        guard text[..<colon] != "unix" else {
            guard rest.hasPrefix("/"), SocketPath(String(rest)) != nil else { return nil }
            way = .unix(String(rest))
            return
        }
        guard let last = rest.lastIndex(of: ":"), UInt16(rest[rest.index(after: last)...]) != nil else { return nil }
        let (host, port) = (rest[..<last].filter { $0 != "[" && $0 != "]" }, String(rest[rest.index(after: last)...]))
        guard !host.isEmpty else { return nil }
        switch text[..<colon] {
        case "udp": way = .datagram(host: host, port: port)
        case "tcp": way = .stream(host: host, port: port)
        default: return nil
        }
    }

    /// Facility 13 (log audit), severity 5 (notice): RFC 5424 §6.2.1.
    static func message(_ line: String, host: String, process: Int, at time: Timestamp) -> String {
        "<109>1 \(time.rfc3339) \(host.isEmpty ? "-" : host) gatehouse \(process) audit.checkpoint - \(line)"
    }

    /// False when it was not handed over; over UDP nobody knows more than that.
    func send(_ line: String) -> Bool {
        let message = Self.message(line, host: Self.hostName, process: Int(getpid()), at: .now())
        switch way {
        case .unix(let path): return Self.send(message, toSocket: path)
        case .datagram(let host, let port): return Self.send(message, host, port, SOCK_DGRAM)
        case .stream(let host, let port): return Self.send("\(message.utf8.count) \(message)", host, port, SOCK_STREAM)
        }
    }

    private static var hostName: String {
        var name = [CChar](repeating: 0, count: 256)
        guard unsafe gethostname(&name, 255) == 0 else { return "-" }
        let text = String(decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        return text.allSatisfy { $0.isASCII && !$0.isWhitespace } ? text : "-"
    }

    private static func send(_ message: String, toSocket path: String) -> Bool {
        let number = socket(AF_UNIX, CInt(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard number >= 0, let address = SocketPath(path) else { return false }
        let socket = Descriptor(adopting: number)
        guard unsafe address.withPointer({ unsafe connect(socket.number, $0, $1) }) == 0 else { return false }
        return write(message, socket)
    }

    private static func send(_ message: String, _ host: String, _ port: String, _ kind: __socket_type) -> Bool {
        var hints = unsafe addrinfo()
        unsafe hints.ai_socktype = CInt(kind.rawValue)
        var found: UnsafeMutablePointer<addrinfo>?
        guard unsafe getaddrinfo(host, port, &hints, &found) == 0 else { return false }
        defer { unsafe freeaddrinfo(found) }
        var entry = unsafe found
        while let address = unsafe entry?.pointee {
            unsafe entry = address.ai_next
            let number = unsafe socket(address.ai_family, CInt(kind.rawValue | SOCK_CLOEXEC.rawValue), 0)
            guard number >= 0 else { continue }
            let socket = Descriptor(adopting: number)
            limit(socket)
            if unsafe connect(socket.number, address.ai_addr, address.ai_addrlen) == 0 { return write(message, socket) }
        }
        return false
    }

    /// Connecting and sending take 5 s at most each.
    private static func limit(_ socket: borrowing Descriptor) {
        var patience = timeval(tv_sec: 5, tv_usec: 0)
        _ = unsafe setsockopt(socket.number, SOL_SOCKET, SO_SNDTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
    }

    private static func write(_ message: String, _ socket: borrowing Descriptor) -> Bool {
        let bytes = Array(message.utf8)
        return unsafe Glibc.send(socket.number, bytes, bytes.count, CInt(MSG_NOSIGNAL)) == bytes.count
    }
}
