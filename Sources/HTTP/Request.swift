/// One request as a parser accepted it: framing settled, target split, body whole and bounded.
package struct Request: Sendable {
    package var method: Method
    /// The path of the request target as sent, still percent-encoded, checked by HTTP-4: it has no dot segments,
    /// no encoded slash, backslash or NUL, no empty segment.
    package var path: String
    /// What followed `?`, still encoded; nil when there was no `?`.
    package var query: String?
    package var fields: Fields
    package var body: [UInt8]

    package init(method: Method, path: String, query: String? = nil, fields: Fields = Fields(), body: [UInt8] = []) {
        self.method = method
        self.path = path
        self.query = query
        self.fields = fields
        self.body = body
    }
}
