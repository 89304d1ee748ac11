package import Primitives

/// Trace and span of one request (W3C Trace Context). Both follow from the request's id, so that every part that knows the id names
/// the same trace without anything being handed along. What a client says of a trace is linked to, never continued (HDR-4).
package struct TraceContext: Sendable, Hashable {
    /// 16 bytes.
    package let traceID: [UInt8]
    /// 8 bytes.
    package let spanID: [UInt8]

    package init(_ request: RequestID) {
        let digest = SHA256.digest(Array("gatehouse trace v1 ".utf8) + Array(request.text.utf8))
        traceID = Array(digest[..<16])
        spanID = Array(digest[16..<24])
    }

    /// Reads `traceparent`; nil unless it is version 00 and neither id is zero (W3C Trace Context §3.2.2).
    package init?(traceparent text: String) {
        let parts = text.split(separator: "-", omittingEmptySubsequences: false)
        guard parts.count == 4, parts[0] == "00", parts[3].count == 2, text == text.lowercased(),
            let trace = Hex.decode(parts[1]), trace.count == 16, trace.contains(where: { $0 != 0 }),
            let span = Hex.decode(parts[2]), span.count == 8, span.contains(where: { $0 != 0 })
        else { return nil }
        traceID = trace
        spanID = span
    }

    /// Whether a trace is among the share that is kept, the same everywhere.
    /// - Parameter share: from 0 to 1.
    package func isSampled(share: Double) -> Bool {
        let value = traceID.suffix(7).reduce(UInt64(0)) { $0 << 8 | UInt64($1) }  // 56 bits, as OpenTelemetry's sampler reads
        return Double(value) < share * Double(UInt64(1) << 56)
    }
}
