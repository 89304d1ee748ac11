/// How long a connection without an exchange is trusted.
package struct UpstreamPatience: Sendable {
    /// Shorter than what common servers keep (uvicorn: 5 s), so that we rarely meet their closing.
    package var idle = Duration.milliseconds(4500)
    /// What must not be sent twice goes only on connections that were alive a moment ago.
    package var fresh = Duration.seconds(1)

    package init() {}
}
