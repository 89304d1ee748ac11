internal import Client
internal import HTTP
internal import MCP
internal import Primitives

/// Qarnot as one caller sees it, for the length of one tool call.
struct QarnotSession: Sendable {
    let engine: QarnotEngine
    let key: Secret
    let context: ToolContext

    /// An answer Qarnot counts as success.
    struct Reply: Sendable {
        let body: [UInt8]

        /// - Throws: `.unexpectedAnswer` when it is no JSON.
        func json() throws(QarnotFailure) -> JSONValue {
            do throws(JSONError) {
                return try JSONValue(parsing: body)
            } catch {
                throw QarnotFailure(.unexpectedAnswer, "Qarnot's answer is no JSON.", isRetryable: true)
            }
        }
    }

    /// Whether a request may be sent twice.
    enum Repetition: Sendable {
        /// Reads, and changes that leave the same state when repeated.
        case allowed
        /// Only when nothing of it can have reached Qarnot.
        case unlessSent
    }

    static let attempts = 4
    private static let longestPause = Duration.seconds(8)

    func get(_ path: String...) async throws(QarnotFailure) -> JSONValue {
        try await send(.get, path).json()
    }

    func get(_ path: [String], query: [(String, String)]) async throws(QarnotFailure) -> JSONValue {
        try await send(.get, path, query: query).json()
    }

    func text(_ path: [String]) async throws(QarnotFailure) -> [UInt8] { try await send(.get, path).body }

    /// A POST that only reads.
    func query(_ path: [String], _ body: JSONValue) async throws(QarnotFailure) -> JSONValue {
        try await send(.post, path, body: body).json()
    }

    /// Sends one request, again where that is safe, and reads refusals.
    @discardableResult
    func send(
        _ method: Method, _ path: [String], query: [(String, String)] = [], body: JSONValue? = nil,
        _ repetition: Repetition = .allowed, purpose: QarnotFailure.Purpose = .read
    ) async throws(QarnotFailure) -> Reply {
        var attempt = 1
        while true {
            switch await self.attempt(request(method, path, query, body, repetition), repetition, purpose) {
            case .answered(let reply): return reply
            case .failed(let failure, let retry):
                guard let retry, attempt < Self.attempts else { throw failure }
                let pause = retry.after ?? Self.backoff(attempt)
                guard pause <= Self.longestPause else { throw failure }
                try await self.pause(pause)
                attempt += 1
            }
        }
    }

    private enum Outcome {
        case answered(Reply)
        /// Without a retry when there must be none.
        case failed(QarnotFailure, Retry?)
    }

    private struct Retry {
        /// What `Retry-After` said, if anything.
        var after: Duration?
    }

    private func attempt(_ request: OutboundRequest, _ repetition: Repetition, _ purpose: QarnotFailure.Purpose) async -> Outcome {
        do throws(ClientError) {
            let response = try await engine.client.send(request)
            if (200..<300).contains(response.status) { return .answered(Reply(body: response.body)) }
            let failure = QarnotFailure(status: response.status, body: response.body, purpose: purpose)
            guard failure.isRetryable, repetition == .allowed else { return .failed(failure, nil) }
            return .failed(failure, Retry(after: response.fields[.retryAfter].flatMap { Int($0) }.map { .seconds(max(0, $0)) }))
        } catch {
            let failure = QarnotFailure(error)
            let mayRepeat = repetition == .allowed ? error.code != .timeout : !error.mayHaveBeenSent
            return .failed(failure, failure.isRetryable && mayRepeat ? Retry() : nil)
        }
    }

    func pause(_ duration: Duration) async throws(QarnotFailure) {
        do throws(CancellationError) {
            try await context.sleeper.sleep(for: duration)
        } catch {
            throw QarnotFailure(.cancelled, "The call was cancelled.")
        }
    }

    /// 0.25 s, 0.5 s, 1 s, each up to half longer, so that many callers do not come back together.
    static func backoff(_ attempt: Int) -> Duration {
        let base = 250 << min(attempt - 1, 4)
        return .milliseconds(base + Int.random(in: 0...base / 2))
    }

    /// Deletes. Repeated when Qarnot is busy; after a lost answer, finding nothing means that it is done.
    func remove(_ path: [String], query: [(String, String)] = []) async throws(QarnotFailure) {
        var attempt = 1
        while true {
            do throws(QarnotFailure) {
                try await send(.delete, path, query: query, .unlessSent, purpose: .change)
                return
            } catch {
                if error.code == .notFound, attempt > 1 { return }
                guard error.isRetryable, attempt < Self.attempts else { throw error }
            }
            try await pause(Self.backoff(attempt))
            attempt += 1
        }
    }

    private func request(
        _ method: Method, _ path: [String], _ query: [(String, String)], _ body: JSONValue?, _ repetition: Repetition
    ) -> OutboundRequest {
        var url = engine.settings.apiURL + "/" + path.map { PercentEncoding.encode($0) }.joined(separator: "/")
        if !query.isEmpty {
            url += "?" + query.map { "\(PercentEncoding.encode($0.0))=\(PercentEncoding.encode($0.1))" }.joined(separator: "&")
        }
        var fields = [("Accept", "application/json, text/plain")]
        if body != nil { fields.append(("Content-Type", "application/json")) }
        return OutboundRequest(
            method, url, fields: fields, secretFields: [("Authorization", key)], body: body?.serialized ?? [],
            connectTimeout: engine.settings.connectTimeout, timeout: engine.settings.requestTimeout,
            maximumResponseBytes: engine.settings.maximumResponseBytes, isRepeatable: repetition == .allowed)
    }
}

extension QarnotFailure {
    /// Says what happened on the way, without the address.
    init(_ error: ClientError) {
        switch error.code {
        case .cancelled: self.init(.cancelled, "The call was cancelled.")
        case .busy: self.init(.busy, "Too many requests to Qarnot are waiting. Try again later.", isRetryable: true)
        case .tooLarge: self.init(.unexpectedAnswer, "Qarnot's answer is too large.")
        case .invalidRequest: self.init(.invalidRequest, "The request cannot be sent.")
        case .timeout: self.init(.unreachable, "Qarnot did not answer in time.", isRetryable: true)
        case .resolve, .connect, .tls, .transport:
            self.init(.unreachable, "Qarnot cannot be reached (\(error.code.rawValue)).", isRetryable: true)
        }
    }
}
