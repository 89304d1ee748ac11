internal import HTTP
internal import Primitives

/// One injected misbehaviour of a public listener.
struct Fault: Sendable {
    let service: Service
    /// Nil means any.
    let method: Method?
    /// A prefix of the path as sent.
    let path: String
    /// Nil means the regular answer, delayed.
    let status: UInt16?
    let delay: Duration
    /// Carries the request out before failing, so that the client cannot know whether it happened.
    let isAfter: Bool
    /// Ends the connection within the answer, so that the client gets none.
    let isDrop: Bool
    let message: String
    let retryAfter: Int?
    var remaining: Int

    /// Longer delays are shortened to this.
    static let maximumDelay = Duration.seconds(120)
    /// More faults at once are refused.
    static let maximumCount = 100

    /// Nil when a member has the wrong type.
    init?(_ json: JSONView) {
        service = json["service"]?.string.flatMap(Service.init) ?? .rest
        method = json["method"]?.string.flatMap { Method(rawValue: $0) }
        guard let path = json["path"]?.string else { return nil }
        self.path = path
        let code = json["status"]?.int
        guard code == nil || (200...599).contains(code ?? 0) else { return nil }
        status = code.map { UInt16($0) }
        delay = min(.milliseconds(max(0, json["delay_ms"]?.int ?? 0)), Self.maximumDelay)
        isAfter = json["after"]?.bool ?? false
        isDrop = json["drop"]?.bool ?? false
        message = json["message"]?.string ?? "Injected fault"
        retryAfter = json["retry_after"]?.int
        remaining = max(1, json["count"]?.int ?? 1)
    }

    func matches(_ service: Service, _ request: Request) -> Bool {
        self.service == service && (method == nil || method == request.method) && request.path.hasPrefix(path)
    }

    /// The failing answer, when the fault has one.
    var response: Response? {
        if isDrop { return Response(.ok, body: .stream { await $0.breakOff() }) }
        guard let status else { return nil }
        let response = Response.json(["message": .string(message)], status: Status(status))
        return retryAfter.map { response.with(.retryAfter, String($0)) } ?? response
    }
}

extension World {
    /// Uses up one occurrence of the first fault that matches.
    func takeFault(_ service: Service, _ request: Request) -> Fault? {
        update { state in
            guard let index = state.faults.firstIndex(where: { $0.matches(service, request) }) else { return nil }
            let fault = state.faults[index]
            state.faults[index].remaining -= 1
            if state.faults[index].remaining == 0 { state.faults.remove(at: index) }
            return fault
        }
    }

    /// Answers through the journal and the injected faults.
    func serve(_ service: Service, _ request: Request, account: String?, token: String? = nil, _ answer: () -> Response)
        async -> Response
    {
        update { $0.journal.record(service, request, account: account, token: token) }
        guard let fault = takeFault(service, request) else { return answer() }
        if fault.delay > .zero, (try? await sleeper.sleep(for: fault.delay)) == nil { return Response(.serviceUnavailable) }
        guard let failure = fault.response else { return answer() }
        if fault.isAfter { _ = answer() }
        return failure
    }
}
