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
    package init(parsing bytes: some Collection<UInt8>) throws(Problem) {
        var parameters: [Parameter] = []
        for pair in bytes.split(separator: UInt8(ascii: "&"), omittingEmptySubsequences: true) {
            guard parameters.count < Self.maximumCount else { throw .tooMany }
            let equals = pair.firstIndex(of: UInt8(ascii: "=")) ?? pair.endIndex
            let rest = equals < pair.endIndex ? pair[pair.index(after: equals)...] : pair[pair.endIndex...]
            let name = try Self.decode(pair[..<equals])
            let value = try Self.decode(rest)
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

    private static func decode(_ bytes: some Collection<UInt8>) throws(Problem) -> String {
        guard let text = PercentEncoding.decode(bytes, form: true) else { throw .malformed }
        for scalar in text.unicodeScalars where scalar.value < 0x20 || (0x7F...0x9F).contains(scalar.value) {
            throw .forbiddenCharacter
        }
        return text
    }
}

extension Request {
    /// The parameters of a form body.
    /// - Throws: `FormError.mediaType` unless the body is exactly `application/x-www-form-urlencoded` (COM-4).
    package func form() throws(FormError) -> Parameters {
        guard fields.count(of: .contentType) == 1,
            MediaType(fields[.contentType])?.essence == "application/x-www-form-urlencoded"
        else { throw .mediaType }
        do { return try Parameters(parsing: body) } catch { throw .parameters(error) }
    }
}

/// Why a form body was refused.
package enum FormError: Error, Sendable, Hashable {
    case mediaType
    case parameters(Parameters.Problem)
}
