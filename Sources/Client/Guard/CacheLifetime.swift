internal import HTTP

/// How long an answer may be kept, from its own fields (RFC 9111 §4.2, §5.2.2).
enum CacheLifetime {
    /// In seconds; nil when the answer says nothing. What cannot be read counts as stale.
    static func seconds(_ fields: Fields) -> Int? {
        var maxAge: Int?
        for directive in fields.all(.cacheControl).joined(separator: ",").lowercased().split(separator: ",") {
            let parts = directive.split(separator: "=", maxSplits: 1).map(trimmed)
            switch parts.first {
            case "no-store", "no-cache": return 0
            case "max-age" where maxAge == nil: maxAge = parts.count == 2 ? number(parts[1]) : 0
            default: continue
            }
        }
        guard let maxAge else { return nil }
        let age = fields[FieldName("age")].map { number(trimmed($0[...])) } ?? 0
        return max(0, maxAge - age)
    }

    private static func trimmed(_ text: Substring) -> Substring {
        let head = text.drop { $0 == " " || $0 == "\t" }
        return head.lastIndex { $0 != " " && $0 != "\t" }.map { head[...$0] } ?? ""
    }

    /// Digits, quoted or not, at most a year; else 0.
    private static func number(_ text: Substring) -> Int {
        let digits = text.hasPrefix("\"") && text.hasSuffix("\"") && text.utf8.count > 1 ? text.dropFirst().dropLast() : text
        guard !digits.isEmpty, digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else { return 0 }
        return min(Int(digits) ?? 31_536_000, 31_536_000)
    }
}
