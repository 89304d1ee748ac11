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

    /// What every stream carries: no cache and no proxy may hold a piece back (RS-12).
    package static let fields: Fields = [
        (.contentType, "text/event-stream"), (.cacheControl, "no-store, no-transform"), (FieldName("x-accel-buffering"), "no"),
    ]

    /// A comment, which readers skip: keeps middle boxes from closing a quiet stream.
    package static let comment: [UInt8] = Array(":\n\n".utf8)
}
