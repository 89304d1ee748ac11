internal import Primitives

/// Builds the small XML bodies of S3, escaping every value.
struct XMLWriter {
    private var bytes: [UInt8]
    private let root: String

    /// Starts a document with its root element; `document()` ends both.
    /// - Parameter hasNamespace: false for errors, which S3 writes without and boto3 reads only so.
    init(root: String, hasNamespace: Bool = true) {
        self.root = root
        let namespace = hasNamespace ? " xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"" : ""
        bytes = Array("<?xml version=\"1.0\" encoding=\"UTF-8\"?><\(root)\(namespace)>".utf8)
    }

    /// An element holding text.
    mutating func element(_ name: String, _ text: String) {
        bytes.append(utf8: "<\(name)>\(Self.escape(text))</\(name)>")
    }

    /// An element holding elements.
    mutating func element(_ name: String, _ body: (inout XMLWriter) -> Void) {
        bytes.append(utf8: "<\(name)>")
        body(&self)
        bytes.append(utf8: "</\(name)>")
    }

    func document() -> [UInt8] { bytes + Array("</\(root)>".utf8) }

    static func escape(_ text: String) -> String {
        var out = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "&": out += "&amp;"
            case "<": out += "&lt;"
            case ">": out += "&gt;"
            case "\"": out += "&quot;"
            case "\r": out += "&#13;"
            default: out.unicodeScalars.append(scalar)
            }
        }
        return out
    }
}

/// One element of a parsed XML body: its children, or its text.
struct XMLElement: Sendable {
    /// Without namespace prefix.
    let name: String
    var children: [XMLElement] = []
    var text = ""

    init(name: String) { self.name = name }

    subscript(name: String) -> XMLElement? { children.first { $0.name == name } }

    /// Parses a whole document. Nil for anything but elements, text, the five named entities and character references:
    /// no document type, no processing instruction beyond the declaration, no CDATA.
    static func parse(_ bytes: [UInt8]) -> XMLElement? {
        guard let text = String(validating: bytes, as: UTF8.self) else { return nil }
        var parser = XMLParser(text)
        return parser.document()
    }
}

private struct XMLParser {
    private static let maximumDepth = 8
    private static let maximumElements = 40_000

    private var rest: Substring.UnicodeScalarView
    private var elements = 0

    init(_ text: String) { rest = Substring(text).unicodeScalars }

    mutating func document() -> XMLElement? {
        if rest.first == "\u{FEFF}" { rest.removeFirst() }
        skipSpace()
        if take("<?xml") { guard skip(past: "?>") else { return nil } }
        skipSpace()
        guard take("<"), let root = element(depth: 0) else { return nil }
        skipSpace()
        return rest.isEmpty ? root : nil
    }

    /// After `<`.
    private mutating func element(depth: Int) -> XMLElement? {
        elements += 1
        guard depth < Self.maximumDepth, elements <= Self.maximumElements, let qualified = name() else { return nil }
        var element = XMLElement(name: String(qualified.split(separator: ":").last ?? ""))
        while true {
            skipSpace()
            if take("/>") { return element }
            if take(">") { break }
            guard attribute() else { return nil }
        }
        while !rest.isEmpty {
            if take("</") {
                guard name() == qualified else { return nil }
                skipSpace()
                return take(">") ? element : nil
            }
            if take("<") {
                guard let child = self.element(depth: depth + 1) else { return nil }
                element.children.append(child)
            } else {
                guard let scalar = character() else { return nil }
                element.text.unicodeScalars.append(scalar)
            }
        }
        return nil
    }

    /// Reads and ignores one; namespaces are all there is.
    private mutating func attribute() -> Bool {
        guard name() != nil, take("="), let quote = rest.first, quote == "\"" || quote == "'" else { return false }
        rest.removeFirst()
        guard let end = rest.firstIndex(of: quote), !rest[..<end].contains("<") else { return false }
        rest = rest[rest.index(after: end)...]
        return true
    }

    private mutating func name() -> String? {
        let part = rest.prefix { $0.properties.isAlphabetic || $0 == "_" || $0 == ":" || $0 == "-" || ("0"..."9").contains($0) }
        guard !part.isEmpty, part.count <= 64 else { return nil }
        rest = rest[part.endIndex...]
        return String(part)
    }

    private mutating func character() -> Unicode.Scalar? {
        guard let first = rest.popFirst() else { return nil }
        guard first == "&" else { return first }
        guard let end = rest.prefix(10).firstIndex(of: ";") else { return nil }
        let entity = String(rest[..<end])
        rest = rest[rest.index(after: end)...]
        switch entity {
        case "amp": return "&"
        case "lt": return "<"
        case "gt": return ">"
        case "quot": return "\""
        case "apos": return "'"
        case let number where number.hasPrefix("#x"): return UInt32(number.dropFirst(2), radix: 16).flatMap(Unicode.Scalar.init)
        case let number where number.hasPrefix("#"): return UInt32(number.dropFirst()).flatMap(Unicode.Scalar.init)
        default: return nil
        }
    }

    private mutating func take(_ text: String) -> Bool {
        guard rest.starts(with: text.unicodeScalars) else { return false }
        rest = rest.dropFirst(text.unicodeScalars.count)
        return true
    }

    private mutating func skip(past text: String) -> Bool {
        while !rest.isEmpty {
            if take(text) { return true }
            rest.removeFirst()
        }
        return false
    }

    private mutating func skipSpace() {
        rest = rest.drop { $0 == " " || $0 == "\n" || $0 == "\t" || $0 == "\r" }
    }
}
