package import Primitives

/// The date format of RFC 9110 §5.6.7: `Sun, 06 Nov 1994 08:49:37 GMT`.
package enum HTTPDate {
    package static func format(_ time: Timestamp) -> [UInt8] {
        let civil = CivilTime(time)
        var out: [UInt8] = []
        out.reserveCapacity(29)
        appendName(civil.weekday, of: "SunMonTueWedThuFriSat", to: &out)
        out.append(", ")
        out.append(decimal: civil.day, width: 2)
        out.append(UInt8(ascii: " "))
        appendName(civil.month - 1, of: "JanFebMarAprMayJunJulAugSepOctNovDec", to: &out)
        out.append(UInt8(ascii: " "))
        out.append(decimal: civil.year, width: 4)
        out.append(UInt8(ascii: " "))
        out.append(decimal: civil.hour, width: 2)
        out.append(UInt8(ascii: ":"))
        out.append(decimal: civil.minute, width: 2)
        out.append(UInt8(ascii: ":"))
        out.append(decimal: civil.second, width: 2)
        out.append(" GMT")
        return out
    }

    private static func appendName(_ index: Int, of names: StaticString, to out: inout [UInt8]) {
        for offset in 0..<3 { unsafe out.append(names.utf8Start[index * 3 + offset]) }
    }
}
