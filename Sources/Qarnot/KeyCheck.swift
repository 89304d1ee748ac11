package import Client
internal import HTTP
package import Primitives

/// What a read-only call says of a key.
package enum KeyCheck: Sendable, Hashable {
    /// Qarnot accepts it; the account it belongs to.
    case accepted(email: String?)
    /// Qarnot answered 401: the key is wrong, revoked or expired.
    case rejected
    /// Nothing is known of the key; the sentence says why.
    case unknown(String)
}

extension QarnotEngine {
    /// Asks Qarnot whether a key is good, before it is stored: one `GET /info`, at most `requestTimeout`. Tries no other key.
    package static func check(_ key: Secret, settings: Settings, client: HTTPClient) async -> KeyCheck {
        let request = OutboundRequest(
            .get, settings.apiURL + "/info", fields: [("Accept", "application/json")], secretFields: [("Authorization", key)],
            connectTimeout: settings.connectTimeout, timeout: settings.requestTimeout, maximumResponseBytes: 1 << 20)
        do throws(ClientError) {
            let response = try await client.send(request)
            switch response.status {
            case 200..<300: return .accepted(email: (try? JSONValue(parsing: response.body))?["email"]?.string)
            case 401: return .rejected
            default: return .unknown(QarnotFailure(status: response.status, body: response.body, purpose: .read).message)
            }
        } catch {
            // A key with a line break or the like cannot even be sent.
            return error.code == .invalidRequest ? .rejected : .unknown(QarnotFailure(error).message)
        }
    }
}
