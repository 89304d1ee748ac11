import Client
import Primitives
import Qarnot

/// Tries an upstream key with a call that changes nothing (VLT-5).
protocol UpstreamKeyCheck: Sendable {
    /// - Returns: nil when the service could not be asked.
    func isAccepted(_ key: Secret, engine: String) async -> Bool?
}

/// Qarnot's own word on its keys.
struct QarnotKeyCheck: UpstreamKeyCheck {
    let settings: QarnotEngine.Settings
    let client: HTTPClient

    func isAccepted(_ key: Secret, engine: String) async -> Bool? {
        guard engine == "qarnot" else { return nil }
        switch await QarnotEngine.check(key, settings: settings, client: client) {
        case .accepted: return true
        case .rejected: return false
        default: return nil
        }
    }
}
