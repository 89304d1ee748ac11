package import HTTP
internal import Primitives

/// Chooses a responder by path and method. The query never takes part (HTTP-4), and the path is compared as it was sent, so
/// that an encoded spelling of a route is no second way to it.
package struct Router: Responder {
    private struct Route {
        var choices: [(methods: MethodSet, responder: any Responder)]

        func responder(for method: Method) -> (any Responder)? {
            for choice in choices where choice.methods.contains(MethodSet(method)) { return choice.responder }
            return nil
        }

        /// `GET, HEAD, POST`: what a 405 must name (RFC 9110 §15.5.6).
        var allow: String { MethodSet(choices.map(\.methods)).description }
    }

    private var exact: [String: Route] = [:]
    // Longest first, so that the closest one wins.
    private var prefixes: [(path: String, route: Route)] = []

    package init() {}

    /// Sends requests for exactly that path and those methods to a responder. GET includes HEAD.
    package mutating func on(_ methods: MethodSet, _ path: String, _ responder: any Responder) {
        exact[path, default: Route(choices: [])].choices.append((methods.includingHead, responder))
    }

    /// The same for every path that begins with `prefix`, which ends in a slash. Exact paths win, then longer prefixes.
    package mutating func on(_ methods: MethodSet, prefix: String, _ responder: any Responder) {
        precondition(prefix.hasSuffix("/"), "a prefix names a folder: it ends in a slash")
        if let index = prefixes.firstIndex(where: { $0.path == prefix }) {
            prefixes[index].route.choices.append((methods.includingHead, responder))
        } else {
            prefixes.append((prefix, Route(choices: [(methods.includingHead, responder)])))
            prefixes.sort { $0.path.utf8.count > $1.path.utf8.count }
        }
    }

    package func bodyLimit(for request: Request) -> Int {
        // Unknown paths and methods: enough to read a small body and say so instead of 413.
        route(for: request.path)?.responder(for: request.method)?.bodyLimit(for: request) ?? 64 * 1024
    }

    package func respond(to request: Request, in context: RequestContext) async -> Response {
        guard let route = route(for: request.path) else {
            return .refusal(.notFound, reason: "not_found", requestID: context.requestID)
        }
        guard let responder = route.responder(for: request.method) else {
            return Response.refusal(.methodNotAllowed, reason: "method_not_allowed", requestID: context.requestID)
                .with(.allow, route.allow)
        }
        return await responder.respond(to: request, in: context)
    }

    private func route(for path: String) -> Route? {
        if let route = exact[path] { return route }
        for prefix in prefixes where path.utf8.starts(with: prefix.path.utf8) { return prefix.route }
        return nil
    }
}
