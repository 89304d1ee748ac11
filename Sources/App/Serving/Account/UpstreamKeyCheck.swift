import Primitives

/// Tries an upstream key with a call that changes nothing (VLT-5).
protocol UpstreamKeyCheck: Sendable {
    /// - Returns: nil when the service could not be asked.
    func isAccepted(_ key: Secret, engine: String) async -> Bool?
}
