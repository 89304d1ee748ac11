package import Crypto

/// What an authenticator says of itself and signs (WebAuthn level 3 §6.1): read completely, or refused.
package struct AuthenticatorData: Sendable, Hashable {
    /// SHA-256 of the relying party id it was asked for.
    package let relyingPartyHash: [UInt8]
    package let flags: Flags
    /// Signatures made so far; stays zero where the authenticator does not count.
    package let counter: UInt32
    /// Only in answers to a registration.
    package let credential: AttestedCredential?

    package struct Flags: OptionSet, Sendable, Hashable {
        package let rawValue: UInt8
        package init(rawValue: UInt8) { self.rawValue = rawValue }

        package static let userPresent = Flags(rawValue: 1)
        package static let userVerified = Flags(rawValue: 4)
        package static let backupEligible = Flags(rawValue: 8)
        package static let backedUp = Flags(rawValue: 16)
        package static let hasCredential = Flags(rawValue: 64)
        package static let hasExtensions = Flags(rawValue: 128)
    }

    package struct AttestedCredential: Sendable, Hashable {
        /// The model, 16 bytes; zeros where the authenticator does not say.
        package let model: [UInt8]
        package let id: [UInt8]
        package let key: COSEKey
    }

    /// WebAuthn level 3 §4: longer credential ids are not made.
    package static let maximumIDCount = 1023
    /// The largest we read, in bytes.
    package static let maximumCount = 4096

    /// - Throws: `.malformed` when a byte is missing or too many, or the state of backup is impossible (§6.1.3).
    package init(_ bytes: [UInt8]) throws(PasskeyFault) {
        guard (37...Self.maximumCount).contains(bytes.count) else { throw .malformed }
        relyingPartyHash = Array(bytes[..<32])
        flags = Flags(rawValue: bytes[32])
        counter = bytes[33..<37].reduce(0) { $0 << 8 | UInt32($1) }
        guard flags.contains(.backupEligible) || !flags.contains(.backedUp) else { throw .malformed }
        var place = 37
        credential = flags.contains(.hasCredential) ? try Self.credential(bytes, &place) : nil
        if flags.contains(.hasExtensions) {
            guard let (extensions, end) = try? CBORValue.read(bytes, from: place), extensions.pairs != nil else { throw .malformed }
            place = end
        }
        guard place == bytes.count else { throw .malformed }
    }

    private static func credential(_ bytes: [UInt8], _ place: inout Int) throws(PasskeyFault) -> AttestedCredential {
        guard bytes.count >= place + 18 else { throw .malformed }
        let model = Array(bytes[place..<(place + 16)])
        let count = Int(bytes[place + 16]) << 8 | Int(bytes[place + 17])
        place += 18
        guard (1...maximumIDCount).contains(count), bytes.count >= place + count else { throw .malformed }
        let id = Array(bytes[place..<(place + count)])
        guard let (value, end) = try? CBORValue.read(bytes, from: place + count) else { throw .malformed }
        place = end
        guard let key = try? COSEKey(value) else { throw .algorithm }
        return AttestedCredential(model: model, id: id, key: key)
    }
}
