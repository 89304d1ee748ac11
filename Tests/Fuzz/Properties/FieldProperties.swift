import HTTP
import Primitives

/// Small parsers of text that strangers send.
enum FieldProperties {
    static func forwardedViolation(by input: [UInt8]) -> String? {
        let text = String(decoding: input, as: UTF8.self)
        guard let nodes = Forwarded.nodes(text) else { return nil }
        if nodes.count > input.count { return "more nodes than bytes" }
        // What is written back from the nodes means the same.
        let again = nodes.map { node in if case .address(let address) = node { "for=\"\(quoted(address))\"" } else { "for=unknown" }
        }
        return Forwarded.nodes(again.joined(separator: ", ")) == nodes ? nil : "written back, the nodes are others"
    }

    private static func quoted(_ address: IPAddress) -> String { address.isIPv4 ? "\(address)" : "[\(address)]" }

    static func proxyViolation(by input: [UInt8]) -> String? {
        var known: ProxyHeader?
        for count in 0...input.count {
            let header: ProxyHeader?
            do throws(ProxyHeader.Malformed) { header = try ProxyHeader.parse(input.span.extracting(..<count)) } catch {
                // A header that was whole cannot become malformed by what follows it.
                return known == nil ? nil : "bytes behind a header changed it"
            }
            if let header {
                if header.length > count { return "a header is longer than what has come" }
                if let known, known != header { return "bytes behind a header changed it" }
                known = header
            } else if known != nil {
                return "a whole header was forgotten"
            }
        }
        return nil
    }

    static func cookieViolation(by input: [UInt8]) -> String? {
        var fields = Fields()
        fields.append(name: "cookie".utf8, value: input.filter { $0 >= 0x20 && $0 != 0x7F })
        let values = Cookies.values("__Host-session", in: fields)
        if values.contains(where: { $0.utf8.contains(UInt8(ascii: ";")) }) { return "a value holds the next cookie" }
        // A byte that is no UTF-8 becomes a replacement character of three.
        return values.reduce(0) { $0 + $1.utf8.count } > 3 * input.count ? "values are longer than the field" : nil
    }

    static func formViolation(by input: [UInt8]) -> String? {
        guard let parameters = try? Parameters(parsing: input) else { return nil }
        if parameters.firstRepeated() == nil {
            for byte in UInt8(ascii: "a")...UInt8(ascii: "z") {
                let name = String(UnicodeScalar(byte))
                if parameters.all(name).count > 1 { return "a repeated name was not noticed" }
                if (try? parameters.single(name)) != parameters.all(name).first { return "a single value is not the only one" }
            }
        }
        return nil
    }
}
