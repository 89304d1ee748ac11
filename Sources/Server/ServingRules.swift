internal import HTTP

/// Whom to ask and under which limits: what a reload replaces as a whole. Each loop keeps its own reference, so that a request
/// takes no lock, and a request that runs keeps the rules it began with.
final class ServingRules: Sendable {
    let responder: any Responder
    let configuration: ServerConfiguration
    let deadlines: Deadlines

    init(responder: any Responder, configuration: ServerConfiguration) {
        self.responder = responder
        self.configuration = configuration
        deadlines = Deadlines(configuration)
    }
}
