/// The parameters of a query or of a form body, decoded and checked once (COM-2, COM-3, COM-5).
package struct Parameters: Sendable {
    /// More parameters than this are refused (COM-4).
    package static let maximumCount = 64

    /// Why a query or form cannot be read.
    package enum Problem: Error, Sendable, Hashable {
        case tooMany, malformed
        /// A value holds NUL, CR, LF or another control character, or is no UTF-8 (COM-5).
        case forbiddenCharacter
        case repeated(String)
    }

    package struct Parameter: Sendable, Hashable {
        package let name: String
        package let value: String
    }

    /// In order; a parameter with an empty value counts as absent and is not here (COM-2).
    package let parameters: [Parameter]

    /// Reads `a=1&b=2`. - Throws: `Problem`.
    package init(parsing bytes: [UInt8]) throws(Problem) {
        var parameters: [Parameter] = []
        var start = 0
        while start < bytes.count {
            let end = bytes[start...].firstIndex(of: UInt8(ascii: "&")) ?? bytes.count
            let pair = bytes[start..<end]
            start = end + 1
            if pair.isEmpty { continue }
            guard parameters.count < Self.maximumCount else { throw .tooMany }
            let equals = pair.firstIndex(of: UInt8(ascii: "=")) ?? end
            let name = try Self.decode(pair[..<equals])
            let value = try Self.decode(pair[min(equals + 1, end)...])
            if !value.isEmpty { parameters.append(Parameter(name: name, value: value)) }
        }
        self.parameters = parameters
    }

    package init(parsing text: String?) throws(Problem) { try self.init(parsing: Array((text ?? "").utf8)) }

    /// The value of a parameter that may stand once. - Throws: `.repeated` (COM-3).
    package func single(_ name: String) throws(Problem) -> String? {
        let values = all(name)
        guard values.count <= 1 else { throw .repeated(name) }
        return values.first
    }

    package func all(_ name: String) -> [String] { parameters.filter { $0.name == name }.map(\.value) }
    package func contains(_ name: String) -> Bool { parameters.contains { $0.name == name } }
    package var isEmpty: Bool { parameters.isEmpty }

    /// The first name that stands more than once and is not in `repeatable`.
    package func firstRepeated(except repeatable: Set<String> = []) -> String? {
        var seen: Set<String> = []
        for parameter in parameters where !repeatable.contains(parameter.name) {
            if !seen.insert(parameter.name).inserted { return parameter.name }
        }
        return nil
    }

    private static func decode(_ bytes: ArraySlice<UInt8>) throws(Problem) -> String {
        guard let text = PercentEncoding.decode(bytes, form: true) else { throw .malformed }
        guard !hasControls(text) else { throw .forbiddenCharacter }
        return text
    }

    /// C0, DEL and C1; the latter are `C2 80` to `C2 9F` in UTF-8.
    private static func hasControls(_ text: String) -> Bool {
        var last: UInt8 = 0
        for byte in text.utf8 {
            if byte < 0x20 || byte == 0x7F || last == 0xC2 && byte < 0xA0 { return true }
            last = byte
        }
        return false
    }
}

extension Request {
    /// The parameters of a form body.
    /// - Throws: `FormError.mediaType` unless the body is exactly `application/x-www-form-urlencoded` (COM-4).
    package func form() throws(FormError) -> Parameters {
        let type = "application/x-www-form-urlencoded"
        // Nearly always exactly that.
        guard
            fields.isOnly(.contentType, type)
                || fields.count(of: .contentType) == 1 && MediaType(fields[.contentType])?.essence == type
        else { throw .mediaType }
        do { return try Parameters(parsing: body) } catch { throw .parameters(error) }
    }
}

/// Why a form body was refused.
package enum FormError: Error, Sendable, Hashable {
    case mediaType
    case parameters(Parameters.Problem)
}
