/// Bytes that must never be printed, logged or compared in variable time. Every description is the same placeholder.
package struct Secret: Sendable, CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    private let bytes: [UInt8]

    package init(_ bytes: [UInt8]) { self.bytes = bytes }
    package init(_ text: String) { bytes = Array(text.utf8) }

    /// The length in bytes.
    package var count: Int { bytes.count }

    /// The one door to the value: keep what is read inside the closure's use, never in a field, log or error.
    package func expose<R, E: Error>(_ body: ([UInt8]) throws(E) -> R) throws(E) -> R { try body(bytes) }

    /// The value as text, for building an outbound header or a hash input.
    package func exposeText() -> String { String(decoding: bytes, as: UTF8.self) }

    package var description: String { "<secret>" }
    package var debugDescription: String { "<secret>" }
    package var customMirror: Mirror { Mirror(self, children: [(label: String?, value: Any)]()) }
}
