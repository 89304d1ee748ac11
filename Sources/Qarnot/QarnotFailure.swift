internal import Primitives

/// Why a tool call failed, in words for the model and its user. Never holds a key.
struct QarnotFailure: Error, Sendable {
    /// Raw values are what clients read: added, never renamed.
    enum Code: String, Sendable {
        case invalidArguments = "invalid_arguments"
        case keyMissing = "key_missing"
        case keyUnavailable = "key_unavailable"
        case tokenRejected = "qarnot_token_rejected"
        case insufficientCredits = "insufficient_credits"
        case hardwareNotAllowed = "hardware_not_allowed"
        case quotaReached = "quota_reached"
        case notRunning = "not_running"
        case forbidden
        case notFound = "not_found"
        case conflict
        case invalidRequest = "invalid_request"
        case busy = "qarnot_busy"
        case serverError = "qarnot_error"
        case unreachable = "qarnot_unreachable"
        case unexpectedAnswer = "unexpected_answer"
        case submissionUnknown = "submission_unknown"
        case storageUnavailable = "storage_unavailable"
        case storageRefused = "storage_refused"
        case budgetExceeded = "budget_exceeded"
        /// What was spent cannot be read or kept just now.
        case budgetUnavailable = "budget_unavailable"
        case cancelled
    }

    let code: Code
    let message: String
    /// The HTTP status Qarnot answered with, if it did.
    var status: Int?
    /// True when the same call may succeed later.
    var isRetryable = false
    /// Names of the members Qarnot or we refuse.
    var fields: [String] = []
    /// The budget rule that refuses, as configured.
    var rule: String?

    init(_ code: Code, _ message: String, status: Int? = nil, isRetryable: Bool = false, fields: [String] = []) {
        self.code = code
        self.message = message
        self.status = status
        self.isRetryable = isRetryable
        self.fields = fields
    }

    /// The same without a key, which Qarnot's message may repeat.
    func cleaned(of key: Secret) -> QarnotFailure {
        func clean(_ text: String) -> String { Redaction.clean(.string(text), of: key).string ?? "" }
        var out = QarnotFailure(code, clean(message), status: status, isRetryable: isRetryable, fields: fields.map(clean))
        out.rule = rule
        return out
    }

    var json: JSONValue {
        var out = JSONObject([
            ("code", .string(code.rawValue)), ("message", .string(message)), ("qarnot_status", status.map { .int($0) } ?? .null),
            ("retryable", .bool(isRetryable)),
        ])
        if !fields.isEmpty { out.append("fields", .array(fields.map { .string($0) })) }
        if let rule { out.append("rule", .string(rule)) }
        return .object(out)
    }
}

extension QarnotFailure {
    /// What a call was about, where the same status means different things.
    enum Purpose: Sendable { case read, create, abort, change }

    /// Reads an answer that is no success (qarnot-api.md §1 and §9).
    init(status: Int, body: [UInt8], purpose: Purpose) {
        let (text, named) = Self.explanation(body)
        let lower = text.lowercased()
        func said(_ fallback: String) -> String { text.isEmpty ? fallback : text }
        switch status {
        case 401:
            self.init(
                .tokenRejected,
                "Qarnot rejected the stored API token. Ask the user to link a valid Qarnot token on their account page.",
                status: status)
        case 402 where lower.contains("hardware constraint"):
            self.init(.hardwareNotAllowed, said("The requested hardware is not allowed for this account."), status: status)
        case 402: self.init(.insufficientCredits, said("Not enough credits."), status: status)
        case 403 where lower.contains("maximum number of"): self.init(.quotaReached, text, status: status)
        case 403 where purpose == .abort: self.init(.notRunning, said("The task is not running."), status: status)
        case 403: self.init(.forbidden, said("Qarnot does not allow this."), status: status)
        case 404: self.init(.notFound, said("Qarnot knows no such object."), status: status)
        case 409: self.init(.conflict, said("It exists already."), status: status)
        case 429, 503: self.init(.busy, said("Qarnot is busy. Try again later."), status: status, isRetryable: true)
        case 500...: self.init(.serverError, said("Qarnot failed to answer."), status: status, isRetryable: true)
        case 400..<500: self.init(.invalidRequest, said("Qarnot refused the request."), status: status, fields: named)
        default: self.init(.unexpectedAnswer, "Qarnot answered with an unexpected status.", status: status)
        }
    }

    /// Longer texts are cut: an error is read, not stored.
    private static let maximumText = 500

    /// The message and the refused members, from any of the four shapes Qarnot's errors come in.
    private static func explanation(_ body: [UInt8]) -> (text: String, fields: [String]) {
        guard let json = try? JSONValue(parsing: body), let object = json.object else {
            let text = String(decoding: body.prefix(maximumText), as: UTF8.self)
            return (text.hasPrefix("<") ? "" : text, [])
        }
        let text =
            object["message"]?.string ?? object["error"]?.string ?? object["error"]?["message"]?.string ?? object["title"]?.string
            ?? ""
        var fields = object["errors"]?.object?.keys ?? []
        if let mark = text.firstRange(of: "Invalid fields: ") {
            fields += text[mark.upperBound...].split(separator: ",").map { String($0.drop { $0 == " " }) }
        }
        return (String(text.prefix(maximumText)), fields)
    }
}
