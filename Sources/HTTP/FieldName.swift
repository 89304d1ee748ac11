/// A field name in lower case. The names we look up are constants, compared by length and bytes, never as `String`.
package struct FieldName: Sendable {
    let literal: StaticString

    /// The literal must be lower-case ASCII.
    package init(_ literal: StaticString) { self.literal = literal }

    package static let accept = FieldName("accept")
    package static let allow = FieldName("allow")
    package static let authorization = FieldName("authorization")
    package static let cacheControl = FieldName("cache-control")
    package static let connection = FieldName("connection")
    package static let contentLength = FieldName("content-length")
    package static let contentType = FieldName("content-type")
    package static let cookie = FieldName("cookie")
    package static let date = FieldName("date")
    package static let dpop = FieldName("dpop")
    package static let etag = FieldName("etag")
    package static let expect = FieldName("expect")
    package static let host = FieldName("host")
    package static let ifNoneMatch = FieldName("if-none-match")
    package static let lastEventID = FieldName("last-event-id")
    package static let location = FieldName("location")
    package static let mcpMethod = FieldName("mcp-method")
    package static let mcpName = FieldName("mcp-name")
    package static let mcpProtocolVersion = FieldName("mcp-protocol-version")
    package static let mcpSessionID = FieldName("mcp-session-id")
    package static let origin = FieldName("origin")
    package static let rateLimit = FieldName("ratelimit")
    package static let rateLimitPolicy = FieldName("ratelimit-policy")
    package static let retryAfter = FieldName("retry-after")
    package static let secFetchSite = FieldName("sec-fetch-site")
    package static let setCookie = FieldName("set-cookie")
    package static let transferEncoding = FieldName("transfer-encoding")
    package static let userAgent = FieldName("user-agent")
    package static let vary = FieldName("vary")
    package static let wwwAuthenticate = FieldName("www-authenticate")
    package static let xAPIKey = FieldName("x-api-key")
    package static let xRequestID = FieldName("x-request-id")
}
