internal import Primitives

/// The service's own spellings of time and ranges (qarnot-api.md §2).
enum WireFormat {
    /// What the service says for "never".
    static let never = "0001-01-01T00:00:00Z"

    /// Whole seconds of UTC: the one form every client accepts.
    static func date(_ time: Timestamp?) -> String {
        guard let time else { return never }
        return String(time.rfc3339.prefix(19)) + "Z"
    }

    /// A .NET time span, `[d.]hh:mm:ss`.
    static func span(_ duration: Duration) -> String {
        let total = max(0, duration.milliseconds / 1000)
        func two(_ value: Int64) -> String { value < 10 ? "0\(value)" : "\(value)" }
        let days = total / 86_400
        return (days > 0 ? "\(days)." : "") + [total / 3600 % 24, total / 60 % 60, total % 60].map(two).joined(separator: ":")
    }

    /// Seconds with a fraction.
    static func seconds(_ duration: Duration) -> JSONValue { .double(Double(max(0, duration.milliseconds)) / 1000) }

    /// RFC 9110 §5.6.7, for `Last-Modified`.
    static func httpDate(_ time: Timestamp) -> String {
        let civil = CivilTime(time)
        let days = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"]
        let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
        func two(_ value: Int) -> String { value < 10 ? "0\(value)" : "\(value)" }
        let clock = [civil.hour, civil.minute, civil.second].map(two).joined(separator: ":")
        return "\(days[civil.weekday]), \(two(civil.day)) \(months[civil.month - 1]) \(civil.year) \(clock) GMT"
    }
}

/// A set of instance numbers as text: `0-2,4-5,17`.
enum InstanceRange {
    /// Nil when malformed, out of order, empty or more than `limit` instances.
    static func parse(_ text: String, limit: Int) -> [Int]? {
        var out: [Int] = []
        for part in text.split(separator: ",", omittingEmptySubsequences: false) {
            let ends = part.split(separator: "-", omittingEmptySubsequences: false).map { Int($0) }
            guard let first = ends.first, let first, first >= 0, ends.count <= 2, let last = ends.last, let last, last >= first,
                last - first < limit, first > out.last ?? -1
            else { return nil }
            out.append(contentsOf: first...last)
            guard out.count <= limit else { return nil }
        }
        return out.isEmpty ? nil : out
    }

    /// The instances must be ascending.
    static func text(_ instances: [Int]) -> String {
        var parts: [(Int, Int)] = []
        for instance in instances {
            if let last = parts.last, last.1 == instance - 1 {
                parts[parts.count - 1].1 = instance
            } else {
                parts.append((instance, instance))
            }
        }
        return parts.map { $0.0 == $0.1 ? "\($0.0)" : "\($0.0)-\($0.1)" }.joined(separator: ",")
    }
}
