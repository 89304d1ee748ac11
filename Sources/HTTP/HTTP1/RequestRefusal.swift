/// Why a request is refused before any responder sees it (HTTP-1, HTTP-4). Raw values go to the log and stay as they are.
package enum RequestRefusal: String, Error, Sendable, CaseIterable {
    case bareLineBreak = "bare_line_break"
    case malformedRequestLine = "malformed_request_line"
    case unknownMethod = "unknown_method"
    case unsupportedVersion = "unsupported_version"
    case malformedTarget = "malformed_target"
    /// Dot segments, empty segments, `;`, or an encoded slash, backslash or control: a path with more than one reading.
    case ambiguousPath = "ambiguous_path"
    /// The authority of an absolute-form target is not the one in `Host`.
    case authorityMismatch = "authority_mismatch"
    case requestLineTooLong = "request_line_too_long"
    case fieldsTooLarge = "fields_too_large"
    case tooManyFields = "too_many_fields"
    case malformedFieldLine = "malformed_field_line"
    case invalidFieldName = "invalid_field_name"
    case invalidFieldValue = "invalid_field_value"
    case missingHost = "missing_host"
    case repeatedHost = "repeated_host"
    case invalidHost = "invalid_host"
    case invalidContentLength = "invalid_content_length"
    case repeatedContentLength = "repeated_content_length"
    /// Both `Content-Length` and `Transfer-Encoding`.
    case ambiguousFraming = "ambiguous_framing"
    case unsupportedTransferCoding = "unsupported_transfer_coding"
    /// `Connection` names a field that must arrive (HDR-3).
    case protectedConnectionOption = "protected_connection_option"
    case unsupportedExpectation = "unsupported_expectation"
    case malformedChunk = "malformed_chunk"
    case bodyTooLarge = "body_too_large"
    /// The bodies of all requests together take up too much memory now.
    case tooManyBodies = "too_many_bodies"
    case headTimeout = "head_timeout"
    case bodyTimeout = "body_timeout"

    /// What to answer. The connection closes after it: where the next request would begin is not certain.
    package var status: Status {
        switch self {
        case .unknownMethod: .notImplemented
        case .requestLineTooLong: .uriTooLong
        case .fieldsTooLarge, .tooManyFields: .fieldsTooLarge
        case .unsupportedExpectation: .expectationFailed
        case .bodyTooLarge: .contentTooLarge
        case .tooManyBodies: .serviceUnavailable
        case .headTimeout, .bodyTimeout: .requestTimeout
        default: .badRequest
        }
    }
}
