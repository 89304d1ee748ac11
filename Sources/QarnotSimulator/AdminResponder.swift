internal import HTTP
internal import Primitives

/// The simulator's own controls: `/health`, `/faults`, `/accounts`, `/clock`, `/requests`.
struct AdminResponder: Responder {
    let world: World

    func bodyLimit(for request: Request) -> Int { 64 << 10 }

    func respond(to request: Request, in context: RequestContext) async -> Response {
        switch (request.method, request.path) {
        case (.get, "/health"): .json(["status": "ok"])
        case (.post, "/faults"): addFault(request)
        case (.delete, "/faults"): cleared { $0.faults = [] }
        case (.get, "/faults"): .json(["count": .int(world.update { $0.faults.count })])
        case (.post, "/accounts"): addAccount(request)
        case (.delete, "/accounts"): removeToken(request)
        case (.get, "/clock"): clock
        case (.post, "/clock"): setClock(request)
        case (.get, "/requests"): requests(request)
        case (.delete, "/requests"): cleared { $0.journal.clear() }
        default: .json(["message": "Not found"], status: .notFound)
        }
    }

    private func cleared(_ body: (inout World.State) -> Void) -> Response {
        world.update { state in body(&state) }
        return Response(.noContent)
    }

    private func addFault(_ request: Request) -> Response {
        guard let document = try? JSONDocument(parsing: request.body), let fault = Fault(document.root) else {
            return .json(
                [
                    "message":
                        "A fault is {path, status?, drop?, method?, service?, count?, delay_ms?, after?, message?, retry_after?}"
                ],
                status: .badRequest)
        }
        let isAdded = world.update { state in
            guard state.faults.count < Fault.maximumCount else { return false }
            state.faults.append(fault)
            return true
        }
        return isAdded ? .json(["status": "added"], status: .created) : .json(["message": "Too many faults"], status: .conflict)
    }

    private func addAccount(_ request: Request) -> Response {
        guard let document = try? JSONDocument(parsing: request.body), let token = document.root["token"]?.string, !token.isEmpty,
            let email = document.root["email"]?.string, !email.isEmpty
        else { return .json(["message": "An account is {token, email}"], status: .badRequest) }
        // A known e-mail gets one more token, as when a key is about to be replaced.
        let isAdded = world.update { state in
            guard state.tokens.count < 2000, state.tokens[token] == nil else { return false }
            if state.accounts[email] == nil { state.accounts[email] = AccountState(email: email) }
            state.tokens[token] = email
            return true
        }
        return isAdded ? .json(["status": "added"], status: .created) : .json(["message": "Token exists"], status: .conflict)
    }

    /// Revokes one token; the account stays.
    private func removeToken(_ request: Request) -> Response {
        guard let document = try? JSONDocument(parsing: request.body), let token = document.root["token"]?.string else {
            return .json(["message": "Name the {token} to revoke"], status: .badRequest)
        }
        let isRemoved = world.update { $0.tokens.removeValue(forKey: token) != nil }
        return isRemoved ? Response(.noContent) : .json(["message": "No such token"], status: .notFound)
    }

    private var clock: Response {
        let time = world.now()
        return world.update { state in
            .json(["now": .string(state.clock.reading(at: time).rfc3339), "frozen": .bool(state.clock.frozenAt != nil)])
        }
    }

    private func setClock(_ request: Request) -> Response {
        guard let document = try? JSONDocument(parsing: request.body), document.root.isObject,
            case let step = document.root["advance_ms"].map({ $0.int ?? -1 }) ?? 0, (0...366 * 86_400_000).contains(step)
        else { return .json(["message": "A clock is {frozen?, advance_ms?}"], status: .badRequest) }
        let time = world.now()
        world.update { state in
            switch document.root["frozen"]?.bool {
            case true?: state.clock.freeze(at: time)
            case false?: state.clock.release(at: time)
            case nil: break
            }
            state.clock.advance(.milliseconds(step))
        }
        return clock
    }

    /// All there are, or those after `?after=SEQ`.
    private func requests(_ request: Request) -> Response {
        let known = QueryString.parse(request.query ?? "")?.first { $0.name == "after" }.flatMap { Int($0.value) }
        return .json(world.update { $0.journal.json(after: known ?? 0) })
    }
}
