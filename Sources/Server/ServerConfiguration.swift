package import HTTP

/// Limits of one listener (HTTP-5). Exceeding a time closes the connection, after an answer where one is possible.
package struct ServerConfiguration: Sendable {
    /// Connections open at once on this listener; more are closed as they come.
    package var connections = 10_000
    /// Connections of one address (one /64 of IPv6); proxies we trust are not counted.
    package var connectionsPerAddress = 1024
    /// Bytes of request bodies held at once on this listener; beyond, requests are answered 503.
    package var bufferedBytes = 256 << 20
    package var head = RequestHeadLimits()
    package var handshakeTimeout = Duration.seconds(10)
    /// From the first byte of a head, or from accept for the first one, to its end.
    package var headerTimeout = Duration.seconds(10)
    /// Between two pieces of a body.
    package var bodyIdleTimeout = Duration.seconds(30)
    /// Bytes a second a body must average, after as long as a header may take, in either direction.
    package var minimumRate = 240
    /// Between an answer and the next request.
    package var idleTimeout = Duration.seconds(75)
    /// For the peer to make room for what we write, beyond what `minimumRate` allows for its size.
    package var writeTimeout = Duration.seconds(30)
    /// For the peer to read a last answer before the connection is cut.
    package var lingerTimeout = Duration.seconds(2)

    /// How long a connection that was in use lately may still bring a request when draining begins: its client may have sent one
    /// already, and learns from the answer to connect anew.
    package var lastRequestTimeout = Duration.seconds(1)

    /// Whose `X-Forwarded-For` is believed; nobody's by default.
    package var trustedProxies = TrustedProxies()

    package init() {}
}
