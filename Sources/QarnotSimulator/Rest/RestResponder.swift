internal import HTTP
internal import Primitives

/// The REST side: who is asking, then which resource.
struct RestResponder: Responder {
    let world: World

    func bodyLimit(for request: Request) -> Int { 4 << 20 }

    func respond(to request: Request, in context: RequestContext) async -> Response {
        let token = request.fields.single(.authorization)
        let email = token.flatMap { token in world.update { $0.tokens[token] } }
        return await world.serve(.rest, request, account: email, token: email == nil ? nil : token) { answer(request, token) }
    }

    private func answer(_ request: Request, _ token: String?) -> Response {
        guard let call = RestCall(request) else { return Refusal(.badRequest, "Malformed request target").response }
        if call.method == .get, call.segments == ["settings"] {
            return .json(["storage": .string(orNull: world.update { $0.storageURL })])
        }
        if call.method == .get, call.segments == ["versions"] { return .json(["1.0"]) }
        // Exactly the token, without a scheme word: `Bearer` is a client's mistake that must show.
        return token.flatMap { token in
            world.withAccount(token: token) { account, moment in
                do throws(Refusal) {
                    return try account.answer(call, moment)
                } catch {
                    return error.response
                }
            }
        } ?? Refusal(.unauthorized, "Unauthorized").response
    }
}

/// One REST request, decoded: path segments without version prefix, query pairs.
struct RestCall: Sendable {
    let method: Method
    let segments: [String]
    let query: [(name: String, value: String)]
    let body: [UInt8]

    /// Nil when an escape is malformed.
    init?(_ request: Request) {
        method = request.method
        body = request.body
        var segments: [String] = []
        for part in request.path.split(separator: "/") {
            guard let segment = PercentEncoding.decode(part.utf8) else { return nil }
            segments.append(segment)
        }
        if let first = segments.first, Self.isVersion(first) { segments.removeFirst() }
        self.segments = segments
        guard let query = QueryString.parse(request.query ?? "") else { return nil }
        self.query = query
    }

    private static func isVersion(_ text: String) -> Bool {
        text.first == "v" && text.count > 1 && text.dropFirst().allSatisfy { $0.isASCII && ($0.isNumber || $0 == ".") }
    }

    func values(_ name: String) -> [String] { query.filter { $0.name.lowercased() == name }.map(\.value) }
    func flag(_ name: String) -> Bool { values(name).contains { $0.lowercased() == "true" } }

    /// The body as JSON; `{}` when there is none.
    func json() throws(Refusal) -> LooseJSON {
        guard !body.isEmpty else { return LooseJSON(.object(JSONObject())) }
        do throws(JSONError) {
            return LooseJSON(try JSONValue(parsing: body))
        } catch {
            throw Refusal(.badRequest, "Invalid JSON")
        }
    }
}

/// The pairs of a query.
enum QueryString {
    /// Nil when an escape is malformed. `+` stays a plus: no client of this service writes it for a space.
    static func parse(_ text: String) -> [(name: String, value: String)]? {
        var out: [(name: String, value: String)] = []
        for pair in text.split(separator: "&") {
            let cut = pair.firstIndex(of: "=") ?? pair.endIndex
            guard let name = PercentEncoding.decode(pair[..<cut].utf8),
                let value = PercentEncoding.decode(pair[cut...].dropFirst().utf8)
            else { return nil }
            out.append((name, value))
        }
        return out
    }
}

/// JSON whose object keys are looked up in any case, as the service does for its clients' sake.
struct LooseJSON: Sendable {
    let value: JSONValue

    init(_ value: JSONValue) { self.value = value }

    /// Nil when absent or null.
    subscript(key: String) -> LooseJSON? {
        let wanted = key.lowercased()
        guard let found = value.object?.members.first(where: { $0.key.lowercased() == wanted })?.value, !found.isNull else {
            return nil
        }
        return LooseJSON(found)
    }

    /// Nil when absent, null or empty.
    func text(_ key: String) -> String? {
        guard let text = self[key]?.value.string, !text.isEmpty else { return nil }
        return text
    }

    var elements: [LooseJSON]? { value.array?.map(LooseJSON.init) }
}

/// A refusal in the service's first error shape, `{"message"}`.
struct Refusal: Error {
    let status: Status
    let message: String

    init(_ status: Status, _ message: String) {
        self.status = status
        self.message = message
    }

    static func missing(_ kind: String, _ id: String) -> Refusal { Refusal(.notFound, "No such \(kind): \(id)") }

    var response: Response { .json(["message": .string(message)], status: status) }
}

extension Response {
    /// An empty success, as the service gives for most changes.
    static var done: Response { Response(.ok, body: .bytes([])) }
}
