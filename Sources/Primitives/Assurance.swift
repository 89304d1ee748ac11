/// How much a sign-in proves (MFA-3). Raw values are the `acr` words of tokens, requests and challenges (RFC 9470).
package enum Assurance: String, Sendable, Hashable, Comparable, CaseIterable {
    /// One factor: a password, or a provider's word.
    case single = "1fa"
    /// Two factors of different kinds.
    case multiple = "2fa"
    /// A passkey, which answers to the real site alone.
    case phishingResistant = "phr"

    package static func < (a: Assurance, b: Assurance) -> Bool { a.rank < b.rank }

    private var rank: Int {
        switch self {
        case .single: 1
        case .multiple: 2
        case .phishingResistant: 3
        }
    }
}

/// What a sign-in must have proven, and how long ago at most.
package struct StepUp: Sendable, Hashable {
    package var assurance: Assurance
    /// Nil when any time will do.
    package var maximumAge: Duration?

    package init(_ assurance: Assurance, maximumAge: Duration? = nil) {
        self.assurance = assurance
        self.maximumAge = maximumAge
    }

    /// The stricter of both in each respect.
    package func combined(_ other: StepUp) -> StepUp {
        let ages = [maximumAge, other.maximumAge].compactMap(\.self)
        return StepUp(max(assurance, other.assurance), maximumAge: ages.min())
    }

    /// Whether a sign-in of that assurance and time is enough; of an unknown one nothing is.
    package func isMet(by held: Assurance?, at authenticatedAt: Timestamp?, now: Timestamp) -> Bool {
        guard let held, let authenticatedAt, held >= assurance else { return false }
        return maximumAge.map { now - authenticatedAt <= $0 } ?? true
    }
}
