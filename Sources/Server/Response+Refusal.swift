internal import HTTP
internal import Primitives

extension Response {
    /// An answer of the edge itself: which rule was broken, and the id to quote when asking about it (COM-7).
    static func refusal(_ status: Status, reason: String, requestID: RequestID) -> Response {
        var object = JSONObject()
        object["error"] = .string(reason)
        object["request_id"] = .string(requestID.text)
        return Response.json(.object(object), status: status).uncached.with(.xRequestID, requestID.text)
    }
}
