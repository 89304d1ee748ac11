import Client
import Primitives

extension Command {
    /// `gatehouse doctor`
    static let doctors: [Command] = [
        Command(
            path: ["doctor"], usage: "[--user NAME --password-stdin]",
            summary: "Find out what is wrong, and say how to mend it: files, clock, name, keys, log, then a client's whole way in.",
            options: [
                Option("--user", "NAME", "sign in as this user, without a second factor, and go all the way to a first call"),
                Option("--password-stdin", nil, "read the password from standard input"),
                Option("--ca-file", "FILE", "trust these authorities instead of the system's"),
                Option("--url", "URL", "look from here instead of server.public_url"),
            ]
        ) { invocation async throws(CommandError) in try await Doctor.run(invocation) }
    ]
}

/// What an operator asks at three in the morning.
enum Doctor {
    static func run(_ invocation: Invocation) async throws(CommandError) {
        let path = Installation.configurationPath(invocation)
        let configuration = try Installation.load(path, invocation.environment)
        var password: Secret?
        if invocation.value("--user") != nil {
            password = try invocation.has("--password-stdin") ? SecretInput.line() : SecretInput.prompt("Password")
        }
        var list = CheckList()
        list.add("configuration", .ok, path)
        let local = LocalChecks(configuration: configuration)
        await local.run(&list)

        var settings = HTTPClient.Settings()
        settings.userAgent = "gatehouse-doctor/\(Version.current)"
        settings.caFile = invocation.value("--ca-file") ?? local.developmentAuthority
        let client = HTTPClient(settings)
        await UpstreamChecks(configuration: configuration).run(&list)
        let browser = DoctorBrowser(client: client)
        var replay = ClientReplay(
            configuration: configuration, browser: browser, base: invocation.value("--url") ?? configuration.server.publicURL)
        await replay.run(user: invocation.value("--user"), password: password, &list)
        client.stop()
        try list.conclude(invocation.output)
    }
}
