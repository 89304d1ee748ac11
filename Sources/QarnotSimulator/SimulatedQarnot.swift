package import HTTP
package import Primitives

/// The Qarnot REST API and its S3 storage in memory, for development and tests. Nothing is ever executed: tasks advance
/// with the clock, and their output is what their constants say.
package struct SimulatedQarnot: Sendable {
    /// One user of the simulated service: the token is both REST credential and S3 secret, the e-mail the S3 access key.
    package struct Account: Sendable {
        package let token: Secret
        package let email: String

        package init(token: Secret, email: String) {
            self.token = token
            self.email = email
        }
    }

    let world: World

    /// - Parameters:
    ///   - accounts: at least one; more can be added through `admin`.
    ///   - sleeper: carries out delays injected through `admin`.
    ///   - now: the clock tasks advance by.
    package init(
        accounts: [Account], timing: Timing = Timing(), limits: Limits = Limits(), sleeper: any Sleeper,
        now: @escaping @Sendable () -> Timestamp = Timestamp.now
    ) {
        world = World(accounts: accounts, timing: timing, limits: limits, sleeper: sleeper, now: now)
    }

    /// The REST API, with or without a `/v1` prefix.
    package var rest: any Responder { RestResponder(world: world) }

    /// S3, path style.
    package var storage: any Responder { StorageResponder(world: world) }

    /// Faults, accounts and the journal of requests. Never expose it beside the public listeners.
    package var admin: any Responder { AdminResponder(world: world) }

    /// Stops the time tasks advance by; `POST /clock` of the admin listener moves it.
    package func freezeClock() {
        let time = world.now()
        world.update { $0.clock.freeze(at: time) }
    }

    /// Tells clients where storage is (`GET /settings`). Call once its listener is bound; until then `/settings` says null.
    package func announce(storageURL: String) {
        world.update { $0.storageURL = storageURL }
    }
}

/// How long each part of a task's life takes.
package struct Timing: Sendable {
    package var submitted: Duration = .milliseconds(100)
    package var dispatched: Duration = .milliseconds(100)
    /// Unless the task says otherwise with the constant `SIM_DURATION_MS`.
    package var executing: Duration = .milliseconds(1000)
    package var uploading: Duration = .milliseconds(100)
    package var cancelling: Duration = .milliseconds(200)

    package init() {}
}

/// What one account may hold; beyond it requests are refused with the service's own errors.
package struct Limits: Sendable {
    /// Beyond it: 403 `Maximum number of tasks reached`.
    package var tasks = 5000
    package var pools = 50
    package var jobs = 100
    package var instancesPerTask = 10_000
    package var buckets = 100
    /// Bytes of all objects and unfinished uploads; beyond it storage answers 403 `QuotaExceeded`.
    package var storageBytes = 512 << 20
    /// Bytes of one request body to storage.
    package var objectBytes = 128 << 20
    /// Bytes of one stream of a task; further output is dropped.
    package var logBytes = 1 << 20
    package var secrets = 1000

    package init() {}
}
