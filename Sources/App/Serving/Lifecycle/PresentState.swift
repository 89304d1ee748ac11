import OAuth
import Primitives
import Synchronization
import Transport

/// What of a running gateway a reload replaces.
final class PresentState: Sendable {
    /// One address: as it is configured, and what it became.
    struct Site: Sendable {
        let setting: String
        let endpoint: Endpoint
    }

    private struct State {
        var composition: Composition
        var sites: [Site]
        var admin: Site?
    }

    private let state: Mutex<State>

    init(_ composition: Composition, sites: [Site], admin: Site?) {
        state = Mutex(State(composition: composition, sites: sites, admin: admin))
    }

    var composition: Composition { state.withLock(\.composition) }
    var configuration: Configuration { composition.workspace.configuration }
    var sites: [Site] { state.withLock(\.sites) }
    var admin: Site? { state.withLock(\.admin) }

    func replace(_ composition: Composition, sites: [Site], admin: Site?) {
        state.withLock { $0 = State(composition: composition, sites: sites, admin: admin) }
    }
}
