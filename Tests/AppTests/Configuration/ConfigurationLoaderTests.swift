import Policy
import Primitives
import Testing

@testable import App

@Suite struct ConfigurationLoaderTests {
    /// What no configuration can do without.
    static let minimal = """
        server:
          public_url: https://gate.example.com
          tls: { certificate: /c, key: /k }

        """

    private func load(_ layers: String..., environment: [String: String] = [:]) throws -> Configuration {
        try ConfigurationLoader(environment: environment).load(layers)
    }

    private func problems(_ layers: String..., environment: [String: String] = [:]) -> [ConfigurationProblem] {
        do throws(ConfigurationLoader.Failure) {
            _ = try ConfigurationLoader(environment: environment).load(layers)
            return []
        } catch { return error.problems }
    }

    @Test func `the least configuration has every default`() throws {
        let configuration = try load(Self.minimal)
        #expect(configuration.server.publicURL == "https://gate.example.com")
        #expect(configuration.server.listen == ["0.0.0.0:8443"])
        #expect(configuration.limits.user == Quota(rate: 120, window: .seconds(60), burst: 40))
        #expect(configuration.audit.isStrict)
    }

    @Test func `an empty configuration names what is required`() {
        #expect(problems("").map(\.path) == ["server.public_url", "server.tls"])
    }

    @Test func `every problem is told at once, with its path and line`() {
        let text = """
            server:
              public_url: https://gate.example.com/
              listen: 8443
              tls: { certificate: /c, key: /k }
              limits: { body_bytes: lots, header_timeout: 10, colour: red }
            oauth:
              registration: perhaps
              refresh_token: { grace: 10m }
            audit: [x]
            limits:
              user: often
              address: { rate: 0 }
              networks: [{ cidr: 10.0.0.1/8 }, { cidr: 10.0.0.0/8, factor: 0 }]
            engines: { airflow: { enabled: true } }
            upstreams: [{ name: Docs, url: ftp://x, path: /other, credential: { header: Host, format: none }, tools: { a: some } }]
            unknown: 1
            """
        let found = Set(problems(text).map { "\($0.line) \($0.path)" })
        #expect(
            found == [
                "0 server.public_url", "3 server.listen", "5 server.limits.body_bytes", "5 server.limits.header_timeout",
                "5 server.limits.colour", "7 oauth.registration", "8 oauth.refresh_token.grace", "9 audit", "11 limits.user",
                "12 limits.address.rate", "13 limits.networks[0].cidr", "13 limits.networks[1].factor",
                "14 engines.airflow.enabled",
                "15 upstreams[0].name", "15 upstreams[0].url", "15 upstreams[0].path", "15 upstreams[0].credential",
                "15 upstreams[0].tools.a", "16 unknown",
            ])
    }

    @Test func `an upstream is read whole, and left-out parts have their defaults`() throws {
        let entries = try load(
            Self.minimal + """
                upstreams:
                  - { name: docs, path: /mcp/docs, url: "http://127.0.0.1:9000/mcp", credential: { header: X-Key, format: "{key}" },
                      tools: { search: read }, trust_annotations: true, timeout: 5s, max_response_bytes: 2048 }
                  - { name: open, url: "https://example.com/mcp", credential: null, identity: null }
                  - { name: told, url: "https://example.com/mcp", identity: { audience: "https://example.com" } }

                """
        ).upstreams.entries
        #expect(
            entries == [
                Configuration.Upstream(
                    name: "docs", path: "/mcp/docs", url: "http://127.0.0.1:9000/mcp",
                    credential: .init(header: "X-Key", format: "{key}"), tools: ["search": .read], trustsAnnotations: true,
                    timeout: .seconds(5), maximumResponseBytes: 2048),
                Configuration.Upstream(name: "open", path: "/mcp/open", url: "https://example.com/mcp"),
                Configuration.Upstream(
                    name: "told", path: "/mcp/told", url: "https://example.com/mcp",
                    identity: .init(header: "X-Gatehouse-Identity", audience: "https://example.com")),
            ])
    }

    @Test(arguments: ["Authorization", "Cookie", "Mcp-Name", "Host", "X-Key", "not a name", ""])
    func `an identity has a field of its own (HDR-4)`(_ header: String) {
        let text =
            Self.minimal + """
                upstreams: [{ name: a, url: "http://h/", credential: { header: X-Key }, identity: { header: "\(header)" } }]

                """
        #expect(problems(text).map(\.path) == ["upstreams[0].identity"])
    }

    @Test func `two upstreams cannot share a name or a path`() {
        let text =
            Self.minimal + """
                upstreams: [{ name: a, url: "http://h/" }, { name: a, url: "http://h/" }, { name: b, path: /mcp/a, url: "http://h/" }]

                """
        #expect(
            problems(text).map(\.path) == ["upstreams[1].name", "upstreams[1].path", "upstreams[2].path"])
    }

    @Test func `a problem reads as a sentence for the person who mends it`() {
        let problem = problems(Self.minimal + "log: { level: loud }\n").first
        #expect(problem?.description == "line 4: log.level: must be one of debug, info, notice, warning, error")
    }

    @Test func `a later layer wins key by key`() throws {
        let configuration = try load(
            Self.minimal, "server: { listen: [\"127.0.0.1:1\"] }\nlog: { level: debug }", "log: { format: text }")
        #expect(configuration.server.listen == ["127.0.0.1:1"])
        #expect(configuration.server.certificate == "/c")
        #expect(configuration.log.level == "debug" && configuration.log.format == "text")
    }

    @Test func `the environment wins over every file`() throws {
        let configuration = try load(
            Self.minimal + "log: { level: debug }",
            environment: [
                "GATEHOUSE_LOG_LEVEL": "error", "GATEHOUSE_SERVER_LISTEN": "127.0.0.1:1,[::1]:2", "GATEHOUSE_LOGIN_ATTEMPTS": "7",
                "GATEHOUSE_SERVER_ADMIN_LISTEN": "null", "GATEHOUSE_OAUTH_REFRESH_TOKEN_GRACE": "0s", "GATEHOUSE_UNRELATED": "x",
            ])
        #expect(configuration.log.level == "error")
        #expect(configuration.server.listen == ["127.0.0.1:1", "[::1]:2"])
        #expect(configuration.login.attempts == 7)
        #expect(configuration.server.adminListen == nil)
        #expect(configuration.oauth.refreshGrace == .zero)
    }

    @Test func `a wrong value from the environment is told without a line`() {
        let found = problems(Self.minimal, environment: ["GATEHOUSE_LOGIN_ATTEMPTS": "many"])
        #expect(found.map(\.description) == ["login.attempts: must be a whole number from 1 to 100"])
    }

    @Test func `variables are filled in, inside a value and as a whole`() throws {
        let configuration = try load(
            Self.minimal + "storage: { url: \"sqlite://${HOME_OF}/g.db\" }\naudit: { path: env:AUDIT }",
            environment: ["HOME_OF": "/srv", "AUDIT": "/var/${odd}"])
        #expect(configuration.storage.url == "sqlite:///srv/g.db")
        #expect(configuration.audit.path == "/var/${odd}")
    }

    @Test(arguments: ["${MISSING}", "env:MISSING", "${open"])
    func `a reference to nothing is a problem`(_ value: String) {
        let found = problems(Self.minimal + "audit: { path: \"\(value)\" }")
        #expect(found.count == 1)
        #expect(found.first?.path == "audit.path" && found.first?.line == 4)
    }

    @Test(arguments: [("on", true), ("off", false), ("true", true), ("false", false)])
    func `on and off are words`(_ word: String, _ value: Bool) throws {
        #expect(try load(Self.minimal + "oauth: { client_metadata_documents: \(word) }").oauth.clientMetadataDocuments == value)
    }

    @Test(arguments: ["yes", "1", "On", "\"\""])
    func `any other spelling of a switch is refused`(_ word: String) {
        #expect(problems(Self.minimal + "oauth: { client_metadata_documents: \(word) }").count == 1)
    }

    @Test func `limits are switched off by a word, a tool's too`() throws {
        let limits = try load(
            Self.minimal
                + "limits: { address: off, tool: { default: off, \"qarnot/submit_task\": off, \"qarnot/x\": { rate: 2 } } }"
        ).limits
        #expect(limits.address == nil && limits.toolDefault == nil)
        #expect(limits.tools["qarnot/submit_task"] == .some(nil))
        #expect(limits.tools["qarnot/x"] == Quota(rate: 2, window: .seconds(60), burst: 20))
    }

    @Test func `networks take a factor, a quota of their own, or off`() throws {
        let networks = try load(
            Self.minimal
                + """
                limits:
                  networks:
                    - { cidr: 160.79.104.0/21 }
                    - { cidr: 10.0.0.0/8, factor: 50 }
                    - { cidr: 192.168.0.0/16, address: off }
                    - { cidr: 172.16.0.0/12, address: { rate: 6000, window: 1m, burst: 1000 } }
                """
        ).limits.networks
        #expect(networks.map(\.factor) == [10, 50, 10, 10])
        #expect(networks.map(\.isAddressOff) == [false, false, true, false])
        #expect(networks[3].address == Quota(rate: 6000, window: .seconds(60), burst: 1000))
        #expect(networks[0].address == nil)
    }

    @Test(arguments: [
        ("admin_listen: 0.0.0.0:9443", "server.admin_listen"), ("listen: []", "server.listen"),
        ("listen: [\"8443\"]", "server.listen"),
        ("listen: [\"host:1\"]", "server.listen"), ("listen: [\"127.0.0.1:65536\"]", "server.listen"),
        ("trusted_proxies: [10.0.0.0/33]", "server.trusted_proxies"),
    ])
    func `what cannot be listened on or believed is refused`(_ setting: String, _ path: String) {
        #expect(problems(Self.minimal + "  \(setting)\n").map(\.path) == [path])
    }

    @Test(arguments: [
        "http://gate.example.com", "https://gate.example.com/", "https://gate.example.com/x", "gate.example.com", "https://",
    ])
    func `the public URL is a bare https origin (META-1)`(_ url: String) {
        #expect(problems(Self.minimal, "server: { public_url: \"\(url)\" }").map(\.path) == ["server.public_url"])
    }

    @Test func `an idle end beyond the absolute end is refused`() {
        let found = problems(Self.minimal + "oauth: { refresh_token: { idle: 91d } }")
        #expect(found.map(\.path) == ["oauth.refresh_token.idle"])
    }

    @Test func `a file that is no YAML is one problem`() {
        #expect(problems("a: 1\na: 2\n").map(\.description) == ["line 2: file: the key \"a\" stands twice"])
    }
}

@Suite struct DurationSettingTests {
    @Test(arguments: [
        ("250ms", Duration.milliseconds(250)), ("90s", .seconds(90)), ("15m", .seconds(900)), ("1h", .seconds(3600)),
        ("30d", .seconds(30 * 86_400)), ("0s", .zero),
    ])
    func `a duration is a number and a unit`(_ text: String, _ duration: Duration) {
        #expect(Duration(setting: text) == duration)
        #expect(Duration(setting: duration.settingText) == duration)
    }

    @Test(arguments: ["", "10", "s", "1.5h", "-1s", "1 h", "1w", "1H", "9999999999s", "1h30m", "١s"])
    func `anything else is none`(_ text: String) { #expect(Duration(setting: text) == nil) }
}
