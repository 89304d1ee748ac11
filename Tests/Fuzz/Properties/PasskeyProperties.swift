import Crypto
import OAuth

/// What an authenticator answers has one reading: what is read, written back, is the input, and a part of it is nothing.
enum PasskeyProperties {
    static func violation(by input: [UInt8]) -> String? {
        if let value = try? CBORValue(parsing: input) {
            if value.serialized != input { return "a value has a second spelling" }
            if !input.isEmpty, (try? CBORValue(parsing: Array(input.dropLast()))) != nil { return "a truncated value was read" }
            if let key = try? COSEKey(value), (try? COSEKey(serialized: key.serialized)) != key { return "a stored key is another" }
        }
        if let (value, end) = try? CBORValue.read(input, from: 0), end > input.count || value.serialized != Array(input[..<end]) {
            return "a value ends elsewhere than it was read"
        }
        if let data = try? AuthenticatorData(input) {
            if (try? AuthenticatorData(Array(input.dropLast()))) != nil { return "truncated authenticator data was read" }
            if (data.credential != nil) != data.flags.contains(.hasCredential) { return "a credential appeared or vanished" }
            if let id = data.credential?.id, !(1...AuthenticatorData.maximumIDCount).contains(id.count) {
                return "a credential id has an impossible length"
            }
        }
        if let object = try? AttestationObject(input) {
            if object.data.credential != object.credential { return "an attestation vouches for another credential" }
            _ = object.isSelfAsserted(over: [UInt8](repeating: 0, count: 32))
        }
        return nil
    }
}
