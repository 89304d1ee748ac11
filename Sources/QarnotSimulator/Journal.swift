internal import Crypto
internal import HTTP
internal import Primitives

/// The last requests, for tests that must know what was sent upstream and what was not.
struct Journal: Sendable {
    struct Entry: Sendable {
        let sequence: Int
        let service: Service
        let method: Method
        let path: String
        let userAgent: String?
        /// The account whose token came, when it is one we know.
        let account: String?
        /// First 8 hexadecimal digits of the token's SHA-256: tells an account's keys apart.
        let token: String?
    }

    /// Older entries are forgotten.
    static let capacity = 20_000

    private var entries: [Entry] = []
    private var count = 0

    mutating func record(_ service: Service, _ request: Request, account: String?, token: String?) {
        count += 1
        let target = request.path + (request.query.map { "?" + $0 } ?? "")
        entries.append(
            Entry(
                sequence: count, service: service, method: request.method, path: String(target.prefix(1000)),
                userAgent: request.fields[.userAgent], account: account,
                token: token.map { String(Hex.encode(SHA256.digest(Array($0.utf8))).prefix(8)) }))
        if entries.count >= Self.capacity * 2 { entries.removeFirst(Self.capacity) }
    }

    mutating func clear() { entries = [] }

    /// - Parameter sequence: of the last entry already known; 0 for none.
    func json(after sequence: Int) -> JSONValue {
        let recent = entries.suffix(Self.capacity).filter { $0.sequence > sequence }.map { entry -> JSONValue in
            [
                "seq": .int(entry.sequence), "service": .string(entry.service.rawValue), "method": .string(entry.method.rawValue),
                "path": .string(entry.path), "user_agent": .string(orNull: entry.userAgent),
                "account": .string(orNull: entry.account), "token": .string(orNull: entry.token),
            ]
        }
        return ["count": .int(count), "requests": .array(recent)]
    }
}

/// The two public listeners.
enum Service: String, Sendable {
    case rest, storage
}
