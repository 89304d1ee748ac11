package import HTTP
package import Primitives

extension ClientCertificate.AlternativeName {
    /// As client metadata spell it (RFC 8705 §2.1.2): `{"san_dns": …}`.
    package var json: JSONValue { .object(JSONObject([(kind.rawValue, .string(value))])) }
}

extension Client.Keys {
    /// The reverse of `json`; nil when it names no certificate.
    package static func alternativeName(json: JSONValue) -> Client.Keys? {
        for kind in ClientCertificate.AlternativeName.Kind.allCases {
            if let value = json[kind.rawValue]?.string { return .alternativeName(.init(kind, value)) }
        }
        return nil
    }
}
