import Primitives

/// Finds and reads the configuration a command is about.
enum Installation {
    /// `--config`, `--data-dir`, `GATEHOUSE_CONFIG`, a `.gatehouse` folder here, then `/etc`.
    static func configurationPath(_ invocation: Invocation) -> String {
        if let file = invocation.value("--config") { return file }
        if let folder = invocation.value("--data-dir") { return folder + "/gatehouse.yaml" }
        if let file = invocation.environment["GATEHOUSE_CONFIG"] { return file }
        if Files.exists(".gatehouse/gatehouse.yaml") { return ".gatehouse/gatehouse.yaml" }
        return "/etc/gatehouse/gatehouse.yaml"
    }

    static func load(_ invocation: Invocation) throws(CommandError) -> Configuration {
        try load(configurationPath(invocation), invocation.environment)
    }

    /// - Parameter checksFiles: also report certificates and keys that are named and not there; for who is about to serve.
    static func load(
        _ path: String, _ environment: [String: String], checksFiles: Bool = false
    ) throws(CommandError) -> Configuration {
        let text: String
        do { text = try Files.readText(path) } catch {
            throw CommandError(
                .configuration, "\(error). Name a configuration with --config FILE, or start one with gatehouse dev.")
        }
        do throws(ConfigurationLoader.Failure) {
            return try ConfigurationLoader(environment: environment).load([text], checksFiles: checksFiles)
        } catch { throw failure(error, path) }
    }

    /// All problems at once, each on its line.
    static func failure(_ failure: ConfigurationLoader.Failure, _ path: String) -> CommandError {
        let lines = failure.problems.map { "  " + $0.description }.joined(separator: "\n")
        let count = failure.problems.count
        return CommandError(.configuration, "\(path) has \(count) problem\(count == 1 ? "" : "s"):\n\(lines)")
    }

    /// Opens the workspace for one command and closes it after.
    static func withWorkspace(
        _ invocation: Invocation, _ body: (Workspace) async throws(CommandError) -> Void
    ) async throws(CommandError) {
        let workspace = try await Workspace.open(try load(invocation), node: "cli")
        let failure: CommandError?
        do throws(CommandError) {
            try await body(workspace)
            failure = nil
        } catch { failure = error }
        await workspace.close()
        if let failure { throw failure }
    }
}
