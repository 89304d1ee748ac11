internal import Primitives

/// The framing of `text/event-stream` (HTML Living Standard §9.2) as far as MCP uses it.
package enum EventStream {
    /// One event of the default type. The data must hold no line break, which compact JSON never does.
    package static func message(_ data: [UInt8]) -> [UInt8] {
        var out: [UInt8] = []
        out.reserveCapacity(data.count + 8)
        out.append("data: ")
        out.append(contentsOf: data)
        out.append("\n\n")
        return out
    }

    /// One event with an id a reader may resume after. - Parameter id: no line break.
    package static func message(_ data: [UInt8], id: String) -> [UInt8] {
        var out: [UInt8] = []
        out.reserveCapacity(data.count + id.utf8.count + 16)
        out.append("id: ")
        out.append(utf8: id)
        out.append("\ndata: ")
        out.append(contentsOf: data)
        out.append("\n\n")
        return out
    }

    /// Tells a reader how long to wait before it connects again, in milliseconds.
    package static func retry(_ milliseconds: Int64) -> [UInt8] { Array("retry: \(milliseconds)\n\n".utf8) }

    /// What every stream carries: no cache and no proxy may hold a piece back (RS-12).
    package static let fields: Fields = [
        (.contentType, "text/event-stream"), (.cacheControl, "no-store, no-transform"), (FieldName("x-accel-buffering"), "no"),
    ]

    /// A comment, which readers skip: keeps middle boxes from closing a quiet stream.
    package static let comment: [UInt8] = Array(":\n\n".utf8)
}
