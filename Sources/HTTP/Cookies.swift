/// The cookies of a request (RFC 6265 §5.4). Names prefixed `__Host-` cannot be set by a sibling host or over plain HTTP.
package enum Cookies {
    /// Every value sent under that name; a browser sends one, an attacker with a sibling host might add another.
    package static func values(_ name: String, in fields: Fields) -> [String] {
        fields.all(.cookie).flatMap { line in
            line.split(separator: ";").compactMap { piece -> String? in
                let pair = piece.drop { $0 == " " }
                guard let equals = pair.firstIndex(of: "="), pair[..<equals] == name else { return nil }
                return String(pair[pair.index(after: equals)...])
            }
        }
    }

    /// A `Set-Cookie` value with the attributes of WEB-3. `maxAge` nil makes a session cookie; zero deletes.
    package static func set(_ name: String, _ value: String, maxAge: Duration?) -> String {
        var text = "\(name)=\(value); Path=/; Secure; HttpOnly; SameSite=Lax"
        if let maxAge { text += "; Max-Age=\(maxAge.components.seconds)" }
        return text
    }
}
