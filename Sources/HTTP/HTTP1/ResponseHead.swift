package import Primitives

/// Writes answers in HTTP/1.1 form. The framing fields are ours alone: whatever a responder put under those names is left
/// out, so that there is one truth about where a body ends (HTTP-2).
package struct ResponseHead: Sendable {
    package enum Framing: Sendable, Equatable {
        /// Head only: HEAD with the length a GET would have, or a status that has no body.
        case none
        case length(Int)
        case chunked
        /// The body ends with the connection: streams to HTTP/1.0.
        case untilClose
    }

    package let framing: Framing
    /// True when the body bytes are sent; a HEAD request has none.
    package let sendsBody: Bool
    /// False when the connection ends after this answer.
    package let persists: Bool

    /// Decides the framing of `response` to a request of that method and head (RFC 9112 §6).
    package init(_ response: Response, to method: Method, _ head: RequestHead, persists: Bool) {
        let code = response.status.code
        let hasNoBody = code == 204 || code == 304 || code < 200
        switch response.body {
        case _ where hasNoBody: framing = .none
        case .none: framing = .length(0)
        case .bytes(let bytes): framing = .length(bytes.count)
        case .stream: framing = head.isVersion10 ? .untilClose : .chunked
        }
        sendsBody = !hasNoBody && method != .head
        self.persists = persists && framing != .untilClose
    }

    /// Appends the head, the empty line included.
    /// - Parameter date: the value of `Date`, 29 bytes.
    package func write(_ response: Response, date: [UInt8], into out: inout ByteBuffer) {
        out.append("HTTP/1.1 ")
        out.append(decimal: Int(response.status.code))
        out.append(UInt8(ascii: " "))
        out.append(response.status.reason)
        out.append("\r\ndate: ")
        out.append(date)
        let bytes = response.fields.bytes.span
        for entry in response.fields.entries where !Self.isOurs(entry, response.fields) {
            out.append("\r\n")
            out.append(bytes.extracting(Int(entry.nameStart)..<Int(entry.nameStart) + Int(entry.nameLength)))
            out.append(": ")
            out.append(bytes.extracting(Int(entry.valueStart)..<Int(entry.valueStart) + Int(entry.valueLength)))
        }
        switch framing {
        case .length(let count):
            out.append("\r\ncontent-length: ")
            out.append(decimal: count)
        case .chunked: out.append("\r\ntransfer-encoding: chunked")
        case .none, .untilClose: break
        }
        out.append(persists ? "\r\n\r\n" : "\r\nconnection: close\r\n\r\n")
    }

    static func isOurs(_ entry: Fields.Entry, _ fields: Fields) -> Bool {
        switch entry.nameLength {
        case 4: fields.matches(entry, .date)
        case 10: fields.matches(entry, .connection)
        case 14: fields.matches(entry, .contentLength)
        case 17: fields.matches(entry, .transferEncoding)
        default: false
        }
    }
}

extension Fields {
    /// Appends each line, a line break before it, but for the framing fields, which are the writer's alone (HTTP-2).
    package func write(into out: inout ByteBuffer) {
        let bytes = bytes.span
        for entry in entries where !ResponseHead.isOurs(entry, self) {
            out.append("\r\n")
            out.append(bytes.extracting(Int(entry.nameStart)..<Int(entry.nameStart) + Int(entry.nameLength)))
            out.append(": ")
            out.append(bytes.extracting(Int(entry.valueStart)..<Int(entry.valueStart) + Int(entry.valueLength)))
        }
    }
}

/// Chunks of the chunked coding, as we write them.
package enum ChunkedEncoder {
    /// Appends one chunk. Nothing for an empty piece, which would end the body.
    package static func append(_ piece: [UInt8], to out: inout ByteBuffer) {
        guard !piece.isEmpty else { return }
        out.append(hex: piece.count)
        out.append("\r\n")
        out.append(piece)
        out.append("\r\n")
    }

    package static func appendEnd(to out: inout ByteBuffer) { out.append("0\r\n\r\n") }
}
