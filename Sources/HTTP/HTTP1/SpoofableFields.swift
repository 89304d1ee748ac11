extension Fields {
    /// Removes the fields by which a client could pose as a proxy or as an authenticated user (HDR-1). Names with `_` or `.`
    /// never get here, so case and hyphens are the only spelling left, and case is already lowered.
    package mutating func removeSpoofable() {
        let isPresent = entries.contains { entry in
            guard entry.nameLength > 0 else { return false }
            switch bytes[Int(entry.nameStart)] {
            // Every name below begins with one of these.
            case UInt8(ascii: "x"), UInt8(ascii: "f"), UInt8(ascii: "t"), UInt8(ascii: "c"), UInt8(ascii: "s"):
                return isSpoofable(entry)
            default: return false
            }
        }
        if isPresent { entries = entries.filter { !isSpoofable($0) } }
    }

    private func isSpoofable(_ entry: Entry) -> Bool {
        isNamed(entry, "forwarded") || isNamed(entry, "true-client-ip") || begins(entry, "cf-connecting-")
            || begins(entry, "client-cert") || begins(entry, "client-ip") || begins(entry, "ssl-client-")
            || begins(entry, "tls-client-") || begins(entry, "x-forwarded-") || begins(entry, "x-real-ip")
            || begins(entry, "x-original-") || begins(entry, "x-rewrite-") || begins(entry, "x-user")
            || begins(entry, "x-auth") || begins(entry, "x-gatehouse-") || begins(entry, "x-upstream-")
            || begins(entry, "x-client-") || begins(entry, "x-ssl-") || begins(entry, "x-tls-")
            || begins(entry, "x-arr-clientcert") || begins(entry, "x-amzn-mtls-") || begins(entry, "x-cluster-client-ip")
            || begins(entry, "x-remote-") || begins(entry, "x-envoy-") || begins(entry, "fastly-client-ip")
    }

    private func isNamed(_ entry: Entry, _ name: StaticString) -> Bool {
        Int(entry.nameLength) == name.utf8CodeUnitCount && begins(entry, name)
    }

    private func begins(_ entry: Entry, _ prefix: StaticString) -> Bool {
        guard Int(entry.nameLength) >= prefix.utf8CodeUnitCount else { return false }
        for offset in 0..<prefix.utf8CodeUnitCount
        where bytes[Int(entry.nameStart) + offset] != (unsafe prefix.utf8Start[offset]) {
            return false
        }
        return true
    }
}
