import OAuth
import Policy
import Primitives

/// Everything that can be set, with its defaults (contract §5). Loaded whole or not at all.
struct Configuration: Sendable, Equatable {
    var server = Server()
    var storage = Storage()
    var vault = Vault()
    var oauth = OAuth()
    var login = Login()
    var limits = Limits()
    var audit = Audit()
    var engines = Engines()
    var upstreams = Upstreams()
    var log = Log()
    var traces = Traces()
    /// Which calls ask the person first: `off` or `destructive`.
    var confirm = "off"

    struct Server: Sendable, Equatable {
        /// The issuer, and the origin of every URL we emit. Required: a guess would be advertised to every client.
        var publicURL = ""
        var listen = ["0.0.0.0:8443"]
        var adminListen: String? = "127.0.0.1:9443"
        var certificate: String?
        var key: String?
        var clientCA: String?
        var trustedProxies: [Network] = []
        /// Public addresses that lead to us and are on no interface of this machine (SSRF-3).
        var ownAddresses: [Network] = []
        /// Those of `listen` whose connections begin with a PROXY protocol header.
        var proxyProtocol: [String] = []
        /// The field in which trusted proxies name the client.
        var forwarded = "x-forwarded-for"
        var allowedOrigins = ["https://claude.ai", "https://claude.com", "https://chatgpt.com", "https://vscode.dev"]
        var bodyBytes = 4_194_304
        var headerBytes = 32_768
        var connections = 10_000
        var connectionsPerAddress = 1024
        /// Bytes of request bodies held at once in the process.
        var bufferedBytes = 268_435_456
        var handshakeTimeout = Duration.seconds(10)
        var headerTimeout = Duration.seconds(10)
        var bodyIdleTimeout = Duration.seconds(30)
        /// Bytes per second below which a body counts as an attack.
        var minRate = 240
        var idleTimeout = Duration.seconds(75)
        /// The longest silence of an event stream.
        var keepAlive = Duration.seconds(15)
        /// Between the first red answer of `/ready` and the end of listening.
        var drainDelay = Duration.zero
        /// How long running requests may take to finish after that.
        var drainDeadline = Duration.seconds(10)
        /// Event loops; 0 means one per core.
        var loops = 0
    }

    struct Storage: Sendable, Equatable {
        /// `sqlite:///absolute/path`.
        var url = "sqlite:///var/lib/gatehouse/gatehouse.db"
    }

    struct Vault: Sendable, Equatable {
        var rootKey = "file:/etc/gatehouse/root.key"
    }

    struct OAuth: Sendable, Equatable {
        var registration = "open"
        var clientMetadataDocuments = true
        /// Clients nobody registered by hand wait for an administrator (CON-4).
        var requiresClientApproval = false
        /// Removing a user's upstream key ends the grants for that engine (RT-7).
        var grantsEndWithKey = false
        /// Hosts clients nobody registered by hand may be from (CIMD-9).
        var clientHostsAllowed: [String] = []
        var clientHostsDenied: [String] = []
        var refusesOtherHosts = false
        var accessTokenLifetime = Duration.seconds(3600)
        var refreshIdle = Duration.seconds(30 * 86_400)
        var refreshAbsolute = Duration.seconds(90 * 86_400)
        var refreshGrace = Duration.seconds(60)
        var redirectSchemes = ["cursor", "vscode", "vscode-insiders"]
        /// Engines whose access tokens are JWTs.
        var jwtResources: [String] = []
        /// Issuers whose JWTs are accepted beside our own tokens.
        var trustedIssuers: [TrustedIssuer] = []
    }

    struct Login: Sendable, Equatable {
        var attempts = 5
        var argonMemoryKiB = 65_536
        var argonPasses = 3
        var argonLanes = 1
        /// New password hashes need a key that is not in the database (PW-1).
        var isPeppering = true
        /// A file of SHA-1 digests of breached passwords (PW-2).
        var breachList: String?
        /// OpenID providers people may sign in with.
        var providers: [IdentityProvider] = []
        /// What sign-ins of each role must prove (MFA-3).
        var viewerAssurance = Assurance.single
        var operatorAssurance = Assurance.single
        var adminAssurance = Assurance.single
        /// What calls of a scope's class need of the sign-in (MFA-3).
        var stepUps: [Scope: StepUp] = [:]

        /// Whether a password hash made under one costs as much as under the other.
        func hasSameCost(as other: Login) -> Bool {
            (argonMemoryKiB, argonPasses, argonLanes, isPeppering)
                == (other.argonMemoryKiB, other.argonPasses, other.argonLanes, other.isPeppering)
        }
    }

    struct Limits: Sendable, Equatable {
        /// Nil means off.
        var address: Quota? = Quota(rate: 600, window: .seconds(60), burst: 100)
        var user: Quota? = Quota(rate: 120, window: .seconds(60), burst: 40)
        /// Calls through one client, whoever makes them. Off: everybody who uses Claude uses one client.
        var client: Quota?
        var toolDefault: Quota? = Quota(rate: 60, window: .seconds(60), burst: 20)
        /// By `engine/tool`; a nil quota means off.
        var tools: [String: Quota?] = ["qarnot/submit_task": Quota(rate: 20, window: .seconds(60), burst: 5)]
        var authorize: Quota? = Quota(rate: 60, window: .seconds(60), burst: 20)
        var login: Quota? = Quota(rate: 20, window: .seconds(60), burst: 10)
        var register: Quota? = Quota(rate: 10, window: .seconds(3600), burst: 5)
        var token: Quota? = Quota(rate: 60, window: .seconds(60), burst: 20)
        var unauthenticated: Quota? = Quota(rate: 60, window: .seconds(60), burst: 30)
        var clientMetadata: Quota? = Quota(rate: 6, window: .seconds(60), burst: 3)
        var networks: [NetworkLimit] = []
        /// Rates are counted and what they would refuse is told in the metrics, but nothing is refused by them.
        var isDryRun = false
        /// Listen streams one user may have open.
        var streams = 32
    }

    /// How the address-keyed limits differ for one block of addresses.
    struct NetworkLimit: Sendable, Equatable {
        var network: Network
        /// Replaces `limits.address` when given.
        var address: Quota?
        var isAddressOff = false
        /// Multiplies every other address-keyed limit.
        var factor = 10
    }

    struct Audit: Sendable, Equatable {
        var path = "/var/lib/gatehouse/audit"
        /// On disk before the answer leaves; otherwise soon after.
        var isStrict = true
        /// Words stand for people's names.
        var hasPseudonyms = false
        /// Bytes after which a new file is begun.
        var rotationBytes = 256 << 20
        /// Whether each day begins a new file.
        var rotatesDaily = true
        /// How long a file is kept after its last record; zero for ever.
        var retention = Duration.zero
        /// Between two signed checkpoints.
        var checkpointInterval = Duration.seconds(60)
        /// Records after which one is made earlier.
        var checkpointRecords = 1024
        /// Where checkpoints are kept beside the log.
        var witnesses: [String] = []
        /// File of the signing key; nil is beside the database.
        var signingKey: String?
        /// Socket of a signer that runs as another user; nil starts one.
        var signer: String?
    }

    struct Engines: Sendable, Equatable {
        var qarnotPath = "/mcp"
        var qarnotAPI = "https://api.qarnot.com"
        /// Nil: asked of the API.
        var qarnotStorage: String?
        var isQarnotEnabled = true
        /// What each role and user may spend on computing.
        var qarnotBudgets = ComputeBudgets()
    }

    struct Traces: Sendable, Equatable {
        /// The collector's OTLP/HTTP address for traces; nil sends none.
        var endpoint: String?
        /// Which part of all requests, from 0 to 1.
        var share = 0.1
        /// The value of the field `Authorization`, as the collector wants it.
        var authorization: String?
    }

    struct Log: Sendable, Equatable {
        var level = "info"
        var format = "json"
    }
}

extension Configuration.Limits {
    /// The quotas set for single tools of an engine, by the tool's name; nil inside means off.
    func quotas(of engine: String) -> [String: Quota?] {
        var out: [String: Quota?] = [:]
        for (name, quota) in tools where name.hasPrefix(engine + "/") {
            out[String(name.dropFirst(engine.count + 1))] = .some(quota)
        }
        return out
    }
}
