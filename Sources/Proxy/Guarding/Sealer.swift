internal import Crypto
package import Primitives

/// Wraps what an upstream gave us to hand back later (cursors, `requestState`, task and session ids), so that a client can only
/// return what it was given, to the same upstream, as the same user (mcp.md §9). What was altered or is another's is no different
/// from what never was.
package struct Sealer: Sendable {
    package enum Purpose: String, Sendable {
        case cursor, state, task, session
    }

    /// Longer handles are refused unread, in bytes.
    static let handleLimit = 64 * 1024

    private let key: Secret
    private let upstream: String
    private let clock: @Sendable () -> Timestamp

    /// - Parameter key: 32 bytes, used for nothing else.
    package init(key: Secret, upstream: String, clock: @escaping @Sendable () -> Timestamp) {
        self.key = key
        self.upstream = upstream
        self.clock = clock
    }

    /// A handle of URL-safe characters.
    /// - Parameters:
    ///   - context: what it must come back with, such as the method and the digest of the arguments.
    ///   - lifetime: nil for as long as the key lives.
    package func seal(
        _ text: String, _ purpose: Purpose, for caller: Principal, context: String = "", lifetime: Duration? = nil
    ) -> String {
        let end = lifetime.map { (clock() + $0).milliseconds } ?? 0
        let plain = Array("\(end) \(text)".utf8)
        // Sealing fails for a wrong key length alone, which `init` demands.
        guard let box = try? AES256GCM.seal(plain, key: key, authenticating: binding(purpose, caller, context)) else { return "" }
        return Base64.encode(box)
    }

    /// What was sealed; nil when it was not, not for this caller and context, or too long ago.
    package func open(_ handle: String, _ purpose: Purpose, for caller: Principal, context: String = "") -> String? {
        guard handle.utf8.count <= Self.handleLimit, let box = Base64.decode(handle),
            let plain = try? AES256GCM.open(box, key: key, authenticating: binding(purpose, caller, context)),
            let space = plain.firstIndex(of: 0x20), let end = Int64(String(decoding: plain[..<space], as: UTF8.self))
        else { return nil }
        guard end == 0 || clock().milliseconds < end else { return nil }
        return String(decoding: plain[(space + 1)...], as: UTF8.self)
    }

    private func binding(_ purpose: Purpose, _ caller: Principal, _ context: String) -> [UInt8] {
        Array([purpose.rawValue, upstream, caller.userID.text, context].joined(separator: "\u{0}").utf8)
    }
}
