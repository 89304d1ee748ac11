/// The cookies of a request (RFC 6265 §5.4). Names prefixed `__Host-` cannot be set by a sibling host or over plain HTTP.
package enum Cookies {
    /// Every value sent under that name; a browser sends one, an attacker with a sibling host might add another.
    package static func values(_ name: String, in fields: Fields) -> [String] {
        fields.all(.cookie).flatMap { line in
            // By bytes: as characters, a semicolon with a combining mark behind it is none.
            line.utf8.split(separator: UInt8(ascii: ";")).compactMap { piece -> String? in
                let pair = piece.drop { $0 == UInt8(ascii: " ") }
                guard let equals = pair.firstIndex(of: UInt8(ascii: "=")), pair[..<equals].elementsEqual(name.utf8) else {
                    return nil
                }
                return String(Substring(pair[pair.index(after: equals)...]))
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
