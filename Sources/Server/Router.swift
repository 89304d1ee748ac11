package import HTTP
internal import Primitives

/// Chooses a responder by path and method. The query never takes part (HTTP-4), and the path is compared as it was sent, so
/// that an encoded spelling of a route is no second way to it.
package struct Router: Responder {
    /// A class, so that finding one counts a single reference.
    private final class Route: Sendable {
        let choices: [(methods: MethodSet, responder: any Responder)]

        init(_ choices: [(methods: MethodSet, responder: any Responder)]) { self.choices = choices }

        func adding(_ methods: MethodSet, _ responder: any Responder) -> Route {
            Route(choices + [(methods.includingHead, responder)])
        }

        func responder(for method: Method) -> (any Responder)? {
            for choice in choices where choice.methods.contains(MethodSet(method)) { return choice.responder }
            return nil
        }

        /// `GET, HEAD, POST`: what a 405 must name (RFC 9110 §15.5.6).
        var allow: String { MethodSet(choices.map(\.methods)).description }
    }

    // By length of the path: a few comparisons, mostly of registers, cost less than hashing.
    private var exact: [[(path: String, route: Route)]] = []
    // Longest first, so that the closest one wins.
    private var prefixes: [(path: String, route: Route)] = []

    package init() {}

    /// Sends requests for exactly that path and those methods to a responder. GET includes HEAD.
    package mutating func on(_ methods: MethodSet, _ path: String, _ responder: any Responder) {
        let length = path.utf8.count
        while exact.count <= length { exact.append([]) }
        if let index = exact[length].firstIndex(where: { $0.path == path }) {
            exact[length][index].route = exact[length][index].route.adding(methods, responder)
        } else {
            exact[length].append((path, Route([]).adding(methods, responder)))
        }
    }

    /// The same for every path that begins with `prefix`, which ends in a slash. Exact paths win, then longer prefixes.
    package mutating func on(_ methods: MethodSet, prefix: String, _ responder: any Responder) {
        precondition(prefix.hasSuffix("/"), "a prefix names a folder: it ends in a slash")
        if let index = prefixes.firstIndex(where: { $0.path == prefix }) {
            prefixes[index].route = prefixes[index].route.adding(methods, responder)
        } else {
            prefixes.append((prefix, Route([]).adding(methods, responder)))
            prefixes.sort { $0.path.utf8.count > $1.path.utf8.count }
        }
    }

    package func bodyLimit(for request: Request) -> Int {
        // Unknown paths and methods: enough to read a small body and say so instead of 413.
        responder(for: request)?.bodyLimit(for: request) ?? 64 * 1024
    }

    package func respond(to request: Request, in context: RequestContext) async -> Response {
        if let responder = responder(for: request) { return await responder.respond(to: request, in: context) }
        guard let route = route(for: request.path) else {
            return .refusal(.notFound, reason: "not_found", requestID: context.requestID)
        }
        return Response.refusal(.methodNotAllowed, reason: "method_not_allowed", requestID: context.requestID)
            .with(.allow, route.allow)
    }

    private func responder(for request: Request) -> (any Responder)? {
        route(for: request.path)?.responder(for: request.method)
    }

    private func route(for path: String) -> Route? {
        let length = path.utf8.count
        if length < exact.count {
            for candidate in exact[length] where candidate.path == path { return candidate.route }
        }
        for prefix in prefixes where path.utf8.starts(with: prefix.path.utf8) { return prefix.route }
        return nil
    }
}
