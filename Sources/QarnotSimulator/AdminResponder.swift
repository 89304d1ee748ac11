internal import HTTP
internal import Primitives

/// The simulator's own controls: `/health`, `/faults`, `/accounts`, `/requests`.
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
        case (.get, "/requests"): .json(world.update { $0.journal.json })
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
                ["message": "A fault is {path, status?, method?, service?, count?, delay_ms?, after?, message?}"],
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
        let isAdded = world.update { state in
            guard state.accounts.count < 1000, state.accounts[token] == nil,
                !state.accounts.values.contains(where: { $0.email == email })
            else { return false }
            state.accounts[token] = AccountState(token: token, email: email)
            return true
        }
        return isAdded ? .json(["status": "added"], status: .created) : .json(["message": "Account exists"], status: .conflict)
    }
}
