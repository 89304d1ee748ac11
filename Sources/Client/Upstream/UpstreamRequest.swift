package import HTTP
package import Primitives

/// One request to an upstream server, serialized by us from its parts: framing, `Host` and credential are never the client's
/// (HTTP-2, HDR-4).
package struct UpstreamRequest: Sendable {
    package var method: Method
    /// Checked by whoever set them: names are tokens, values have no control bytes. No `Host` among them.
    package var fields: Fields
    /// The credential: a field of the configured name, whose value is wiped from the output once it is sent.
    package var credential: (name: String, value: Secret)?
    package var body: [UInt8]
    /// False for what may spend or destroy: then no attempt is made twice, whatever the reason.
    package var isRepeatable: Bool
    /// Until the head of the answer is there, connecting included.
    package var timeout: Duration

    package init(
        _ method: Method, fields: Fields = Fields(), credential: (name: String, value: Secret)? = nil, body: [UInt8] = [],
        isRepeatable: Bool = true, timeout: Duration = .seconds(60)
    ) {
        self.method = method
        self.fields = fields
        self.credential = credential
        self.body = body
        self.isRepeatable = isRepeatable
        self.timeout = timeout
    }

    /// Appends the request. The caller wipes the buffer after use when there is a credential.
    func write(to origin: UpstreamOrigin, into out: inout ByteBuffer) {
        out.append(Array(method.rawValue.utf8))
        out.append(origin.requestLineEnd)
        fields.write(into: &out)
        if let credential {
            out.append("\r\n")
            out.append(Array(credential.name.utf8))
            out.append(": ")
            credential.value.expose { out.append($0) }
        }
        if method == .post {
            out.append("\r\ncontent-length: ")
            out.append(decimal: body.count)
        }
        out.append("\r\n\r\n")
        out.append(body)
    }
}
