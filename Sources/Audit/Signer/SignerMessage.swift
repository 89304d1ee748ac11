internal import Primitives

/// What gateway and signer say to each other, a message each; the first byte tells which.
enum SignerMessage: Sendable, Hashable {
    /// The signer waits for another one that holds the state; `ready` follows.
    case waiting
    /// The signer has its key, and a tree of so many leaves.
    case ready(publicKey: String, size: Int)
    /// Records whose place in the log begins at `first`, from 0: 32 bytes each, at most `leafLimit`.
    case extend(first: Int, hashes: [UInt8])
    /// A checkpoint of the same key, to go on from when it is ahead of the signer's own tree.
    case adopt(JSONValue)
    /// Asks for the checkpoint of exactly so many leaves.
    case sign(size: Int, origin: String)
    /// How many leaves the tree has now.
    case size(Int)
    case checkpoint(JSONValue)
    /// In a sentence.
    case refusal(String)

    static let leafLimit = 1024
    /// Bytes of one message.
    static let limit = 64 * 1024

    var bytes: [UInt8] {
        switch self {
        case .waiting: [0x80]
        case .ready(let key, let size): [0x81] + (["public_key": .string(key), "size": .int(size)] as JSONValue).serialized
        case .extend(let first, let hashes): [0x03] + Self.bytes(of: first) + hashes
        case .adopt(let json): [0x02] + json.serialized
        case .sign(let size, let origin): [0x04] + Self.bytes(of: size) + Array(origin.utf8)
        case .size(let size): [0x82] + Self.bytes(of: size)
        case .checkpoint(let json): [0x84] + json.serialized
        case .refusal(let text): [0xFF] + Array(text.utf8.prefix(4096))
        }
    }

    /// Nil when the bytes are none of these.
    init?(_ bytes: [UInt8]) {
        guard let kind = bytes.first else { return nil }
        let rest = Array(bytes.dropFirst())
        switch kind {
        case 0x80: self = .waiting
        case 0x81:
            guard let json = try? JSONValue(parsing: rest), let key = json["public_key"]?.string, let size = json["size"]?.int
            else { return nil }
            self = .ready(publicKey: key, size: size)
        case 0x03:
            guard let first = Self.number(rest), (rest.count - 8) % 32 == 0, rest.count - 8 <= Self.leafLimit * 32 else {
                return nil
            }
            self = .extend(first: first, hashes: Array(rest[8...]))
        case 0x02, 0x84:
            guard let json = try? JSONValue(parsing: rest) else { return nil }
            self = kind == 0x02 ? .adopt(json) : .checkpoint(json)
        case 0x04:
            guard let size = Self.number(rest), let origin = String(validating: rest[8...], as: UTF8.self) else { return nil }
            self = .sign(size: size, origin: origin)
        case 0x82:
            guard let size = Self.number(rest) else { return nil }
            self = .size(size)
        case 0xFF: self = .refusal(String(decoding: rest, as: UTF8.self))
        default: return nil
        }
    }

    private static func bytes(of number: Int) -> [UInt8] {
        (0..<8).reversed().map { UInt8(truncatingIfNeeded: number >> ($0 * 8)) }
    }

    /// Eight bytes, at least 0, and far from where additions would overflow.
    private static func number(_ bytes: [UInt8]) -> Int? {
        guard bytes.count >= 8, bytes[0] == 0, bytes[1] == 0 else { return nil }
        return bytes.prefix(8).reduce(0) { $0 << 8 | Int($1) }
    }
}
