/// Why a guarded fetch brought no document. For the audit log; browsers and clients hear one generic sentence (SSRF-5).
package struct GuardError: Error, Sendable, Hashable {
    /// Fixed words, never any part of what a peer sent.
    package let reason: String
    /// True when a rule about the URL or its addresses refused before anything was sent.
    package let isBlocked: Bool

    /// - Parameter reason: fixed words.
    package init(_ reason: StaticString, isBlocked: Bool = false) {
        self.reason = reason.description
        self.isBlocked = isBlocked
    }
}
