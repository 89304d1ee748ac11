internal import Glibc

/// A point in time as integer milliseconds of UTC since 1970 (COM-10).
package struct Timestamp: Sendable, Hashable, Comparable {
    /// Milliseconds since 1970-01-01T00:00:00Z.
    package let milliseconds: Int64

    package init(milliseconds: Int64) { self.milliseconds = milliseconds }
    package init(seconds: Int64) { milliseconds = seconds * 1000 }

    /// The wall clock. Deadlines inside the process use `MonotonicTime` instead.
    package static func now() -> Timestamp {
        var time = timespec()
        unsafe clock_gettime(CLOCK_REALTIME, &time)
        return Timestamp(milliseconds: Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000)
    }

    /// Whole days since 1970, rounded down (UTC).
    package var day: Int { Int((milliseconds - (milliseconds < 0 ? 86_399_999 : 0)) / 86_400_000) }

    /// Whole seconds since 1970, rounded down: the unit of OAuth and JWT members.
    package var seconds: Int64 { milliseconds / 1000 }

    package static func < (a: Timestamp, b: Timestamp) -> Bool { a.milliseconds < b.milliseconds }
    package static func + (a: Timestamp, b: Duration) -> Timestamp { Timestamp(milliseconds: a.milliseconds + b.milliseconds) }
    package static func - (a: Timestamp, b: Duration) -> Timestamp { Timestamp(milliseconds: a.milliseconds - b.milliseconds) }
    package static func - (a: Timestamp, b: Timestamp) -> Duration { .milliseconds(a.milliseconds - b.milliseconds) }

    /// RFC 3339 in UTC with three fraction digits: `2026-11-21T09:30:00.125Z`.
    package var rfc3339: String {
        let civil = CivilTime(self)
        var out: [UInt8] = []
        out.reserveCapacity(24)
        out.append(decimal: civil.year, width: 4)
        out.append(UInt8(ascii: "-"))
        out.append(decimal: civil.month, width: 2)
        out.append(UInt8(ascii: "-"))
        out.append(decimal: civil.day, width: 2)
        out.append(UInt8(ascii: "T"))
        out.append(decimal: civil.hour, width: 2)
        out.append(UInt8(ascii: ":"))
        out.append(decimal: civil.minute, width: 2)
        out.append(UInt8(ascii: ":"))
        out.append(decimal: civil.second, width: 2)
        out.append(UInt8(ascii: "."))
        out.append(decimal: civil.millisecond, width: 3)
        out.append(UInt8(ascii: "Z"))
        return String(decoding: out, as: UTF8.self)
    }
}

extension Timestamp {
    /// Parses RFC 3339 in UTC (`Z` or `+00:00`), 0 to 9 fraction digits, or a bare date (midnight). Nil when malformed.
    package init?(rfc3339 text: String) {
        let bytes = Array(text.utf8)
        func number(_ range: Range<Int>) -> Int? {
            guard range.upperBound <= bytes.count else { return nil }
            var value = 0
            for byte in bytes[range] {
                guard byte >= 0x30, byte <= 0x39 else { return nil }
                value = value * 10 + Int(byte - 0x30)
            }
            return value
        }
        guard let year = number(0..<4), let month = number(5..<7), let day = number(8..<10),
            bytes[4] == UInt8(ascii: "-"), bytes[7] == UInt8(ascii: "-"), (1...12).contains(month), (1...31).contains(day)
        else { return nil }
        let days = CivilTime.days(year: year, month: month, day: day)
        if bytes.count == 10 {
            self.init(milliseconds: Int64(days) * 86_400_000)
            return
        }
        guard let hour = number(11..<13), let minute = number(14..<16), let second = number(17..<19),
            bytes[10] == UInt8(ascii: "T") || bytes[10] == UInt8(ascii: " "),
            bytes[13] == UInt8(ascii: ":"), bytes[16] == UInt8(ascii: ":"), hour < 24, minute < 60, second <= 60
        else { return nil }
        var index = 19
        var fraction = 0
        if index < bytes.count, bytes[index] == UInt8(ascii: ".") {
            index += 1
            let start = index
            while index < bytes.count, bytes[index] >= 0x30, bytes[index] <= 0x39 {
                if index - start < 3 { fraction = fraction * 10 + Int(bytes[index] - 0x30) }
                index += 1
            }
            guard index > start, index - start <= 9 else { return nil }
            for _ in min(index - start, 3)..<3 { fraction *= 10 }
        }
        let zone = bytes[index...]
        guard zone.elementsEqual("Z".utf8) || zone.elementsEqual("+00:00".utf8) else { return nil }
        let total = Int64(days) * 86_400 + Int64(hour * 3600 + minute * 60 + second)
        self.init(milliseconds: total * 1000 + Int64(fraction))
    }
}

/// The proleptic Gregorian calendar in UTC, from the days-from-civil arithmetic; no time zone database needed.
package struct CivilTime: Sendable {
    package let year, month, day, hour, minute, second, millisecond: Int
    /// 0 is Sunday.
    package let weekday: Int

    package init(_ time: Timestamp) {
        let days = Int((Double(time.milliseconds) / 86_400_000).rounded(.down))
        var rest = Int(time.milliseconds) - days * 86_400_000
        millisecond = rest % 1000
        rest /= 1000
        second = rest % 60
        minute = rest / 60 % 60
        hour = rest / 3600
        weekday = ((days % 7) + 11) % 7
        let shifted = days + 719_468
        let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shiftedMonth = (5 * dayOfYear + 2) / 153
        day = dayOfYear - (153 * shiftedMonth + 2) / 5 + 1
        month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
        year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
    }

    /// Days since 1970-01-01 of a civil date.
    package static func days(year: Int, month: Int, day: Int) -> Int {
        let y = month <= 2 ? year - 1 : year
        let era = (y >= 0 ? y : y - 399) / 400
        let yearOfEra = y - era * 400
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
        return era * 146_097 + dayOfEra - 719_468
    }
}

extension Duration {
    /// Whole milliseconds, rounded down.
    package var milliseconds: Int64 {
        let parts = components
        return parts.seconds * 1000 + parts.attoseconds / 1_000_000_000_000_000
    }

    /// Whole seconds, rounded up: what `Retry-After` and `expires_in` want.
    package var secondsRoundedUp: Int64 { (milliseconds + 999) / 1000 }
}

/// Nanoseconds of a clock that never steps back. For deadlines and rate limits inside one process.
package struct MonotonicTime: Sendable, Hashable, Comparable {
    package let nanoseconds: Int64

    package init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }

    package static func now() -> MonotonicTime {
        var time = timespec()
        unsafe clock_gettime(CLOCK_MONOTONIC, &time)
        return MonotonicTime(nanoseconds: Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec))
    }

    package static func < (a: MonotonicTime, b: MonotonicTime) -> Bool { a.nanoseconds < b.nanoseconds }
    package static func + (a: MonotonicTime, b: Duration) -> MonotonicTime {
        let parts = b.components
        return MonotonicTime(nanoseconds: a.nanoseconds + parts.seconds * 1_000_000_000 + parts.attoseconds / 1_000_000_000)
    }
    package static func - (a: MonotonicTime, b: MonotonicTime) -> Duration { .nanoseconds(a.nanoseconds - b.nanoseconds) }
}
