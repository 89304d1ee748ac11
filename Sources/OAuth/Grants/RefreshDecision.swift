package import Primitives

/// Decides what a presented refresh token is worth (RT-1 to RT-5). Pure: the store calls it inside the family's transaction,
/// a model-based test drives it alone.
package enum RefreshDecision: Sendable, Hashable {
    case rotate
    case grace(sealedSuccessor: [UInt8])
    case reuse
    case refuse

    /// - Parameter grace: how long a superseded token still yields its successor; zero means strict rotation.
    package static func decide(_ record: RefreshRecord, grace: Duration, at now: Timestamp) -> RefreshDecision {
        guard record.isActive, now < record.grant.endsAt else { return .refuse }
        guard let supersededAt = record.supersededAt else { return now < record.expiresAt ? .rotate : .refuse }
        guard now - supersededAt <= grace, !record.isSuccessorUsed, let sealed = record.sealedSuccessor else { return .reuse }
        return .grace(sealedSuccessor: sealed)
    }
}
