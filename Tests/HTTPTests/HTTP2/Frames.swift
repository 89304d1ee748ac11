import Primitives

@testable import HTTP

/// What a client puts on the wire, byte by byte (RFC 9113 §6). Fields are literals without indexing and without Huffman coding.
enum Frames {
    static let preface = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8) + frame(4, 0, 0, [])
    static let endStream: UInt8 = 1
    static let endHeaders: UInt8 = 4

    static let get: [(String, String)] = [
        (":method", "GET"), (":scheme", "https"), (":authority", "gw.example"), (":path", "/mcp"),
    ]
    static let post: [(String, String)] = [
        (":method", "POST"), (":scheme", "https"), (":authority", "gw.example"), (":path", "/mcp"),
    ]

    static func frame(_ type: UInt8, _ flags: UInt8, _ stream: UInt32, _ payload: [UInt8]) -> [UInt8] {
        let length = payload.count
        var out: [UInt8] = [UInt8(length >> 16 & 255), UInt8(length >> 8 & 255), UInt8(length & 255), type, flags]
        out += four(stream)
        out += payload
        return out
    }

    static func four(_ value: UInt32) -> [UInt8] {
        [UInt8(value >> 24), UInt8(value >> 16 & 255), UInt8(value >> 8 & 255), UInt8(value & 255)]
    }

    static func block(_ fields: [(String, String)]) -> [UInt8] {
        var out: [UInt8] = []
        for (name, value) in fields {
            out.append(0)
            out += text(name)
            out += text(value)
        }
        return out
    }

    private static func text(_ text: String) -> [UInt8] {
        let bytes = Array(text.utf8)
        guard bytes.count >= 127 else { return [UInt8(bytes.count)] + bytes }
        var rest = bytes.count - 127
        var length: [UInt8] = [127]
        while rest >= 128 {
            length.append(UInt8(rest & 127 | 128))
            rest >>= 7
        }
        return length + [UInt8(rest)] + bytes
    }

    static func headers(_ stream: UInt32, _ fields: [(String, String)], ends: Bool = true) -> [UInt8] {
        var rest = block(fields)[...]
        var out: [UInt8] = []
        var isFirst = true
        repeat {
            let piece = Array(rest.prefix(16_000))
            rest = rest.dropFirst(16_000)
            let flags = (rest.isEmpty ? endHeaders : 0) | (isFirst && ends ? endStream : 0)
            out += frame(isFirst ? 1 : 9, flags, stream, piece)
            isFirst = false
        } while !rest.isEmpty
        return out
    }

    static func data(_ stream: UInt32, _ text: String, ends: Bool = true) -> [UInt8] {
        frame(0, ends ? endStream : 0, stream, Array(text.utf8))
    }

    static func reset(_ stream: UInt32) -> [UInt8] { frame(3, 0, stream, four(8)) }
    static func ping() -> [UInt8] { frame(6, 0, 0, [UInt8](repeating: 7, count: 8)) }
    static func windowUpdate(_ stream: UInt32, _ count: UInt32) -> [UInt8] { frame(8, 0, stream, four(count)) }
    static func settings(_ pairs: [(UInt16, UInt32)]) -> [UInt8] {
        var out: [UInt8] = []
        for (id, value) in pairs {
            out += [UInt8(id >> 8), UInt8(id & 255)]
            out += four(value)
        }
        return frame(4, 0, 0, out)
    }

    /// The frames in what a server sent: type, flags, stream, payload.
    static func parse(_ bytes: [UInt8]) -> [(type: UInt8, flags: UInt8, stream: UInt32, payload: [UInt8])] {
        var out: [(type: UInt8, flags: UInt8, stream: UInt32, payload: [UInt8])] = []
        var rest = bytes[...]
        while rest.count >= 9 {
            let head = Array(rest.prefix(9))
            let length = Int(head[0]) << 16 | Int(head[1]) << 8 | Int(head[2])
            let stream = head[5..<9].reduce(UInt32(0)) { $0 << 8 | UInt32($1) } & 0x7FFF_FFFF
            out.append((head[3], head[4], stream, Array(rest.dropFirst(9).prefix(length))))
            rest = rest.dropFirst(9 + length)
        }
        return out
    }
}

/// A session with a clock of its own, which says what happened in words.
final class SessionDriver {
    private(set) var log: [String] = []
    private(set) var streams: [Int32: HTTP2Stream] = [:]
    var now = MonotonicTime(nanoseconds: 1)
    let session: HTTP2Session

    init(limits: HTTP2Limits = HTTP2Limits(), bodyLimit: Int = 1000, preface: Bool = true) {
        session = HTTP2Session(limits: limits) { _ in bodyLimit }
        if preface { _ = send(Frames.preface) }
    }

    @discardableResult
    func send(_ bytes: [UInt8]) -> Bool {
        let goesOn = session.receive(bytes.span, at: now)
        note()
        return goesOn
    }

    /// Everything the session has to say.
    func output() -> [(type: UInt8, flags: UInt8, stream: UInt32, payload: [UInt8])] {
        var buffer = ByteBuffer()
        while session.produce(into: &buffer, at: now) {}
        note()
        return Frames.parse(buffer.withBytes { bytes in bytes.indices.map { bytes[$0] } })
    }

    private func note() {
        var events: [HTTP2Session.Event] = []
        session.takeEvents(into: &events)
        for event in events {
            switch event {
            case .whole(let stream):
                let body = String(decoding: stream.request.body, as: UTF8.self)
                add(stream, "whole \(stream.request.method.rawValue) \(stream.request.path)\(body.isEmpty ? "" : " " + body)")
            case .refused(let stream): add(stream, "refused \(stream.refusal?.rawValue ?? "")")
            case .overloaded(let stream): add(stream, "overloaded")
            case .drained(let stream): add(stream, "drained")
            case .closed(let stream): add(stream, "closed")
            }
        }
    }

    private func add(_ stream: HTTP2Stream, _ what: String) {
        streams[stream.id] = stream
        log.append("\(stream.id) \(what)")
    }
}
