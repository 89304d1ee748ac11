package import Primitives

/// Makes and reads the handles clients carry: session ids, cursors, request states, task ids. All of them are attacker-controlled
/// when they return (mcp.md §3.6), so each is sealed together with what it is for and whose it is. A handle of another user, tool
/// or argument set fails exactly as a made-up one does.
package struct HandleSealer: Sendable {
    /// What a handle is for; one kind never passes for another. Raw values are part of what is authenticated.
    enum Kind: UInt8, Sendable { case session = 1, cursor, state, task }

    /// How much of the caller a handle belongs to.
    enum Owner: Sendable {
        /// The user, by whatever credential: tasks outlive tokens and clients.
        case user
        case userAndClient
        /// Sessions end with the grant they began under.
        case grant
    }

    private let cipher: any HandleCipher
    private let clock: @Sendable () -> Timestamp
    /// Names the endpoint: what one hands out means nothing to its neighbours.
    private var scope: [UInt8] = []

    package init(cipher: any HandleCipher, clock: @escaping @Sendable () -> Timestamp = { Timestamp.now() }) {
        self.cipher = cipher
        self.clock = clock
    }

    /// The same sealer for one endpoint.
    func scoped(to name: String) -> HandleSealer {
        var copy = self
        copy.scope = Array(name.utf8)
        return copy
    }

    /// - Parameters:
    ///   - parts: what else the handle is bound to, such as method, name and arguments.
    ///   - lifetime: the handle opens no longer than this.
    func seal(
        _ payload: JSONValue, _ kind: Kind, of caller: Principal?, _ owner: Owner, _ parts: [[UInt8]] = [], lifetime: Duration
    ) -> String {
        var plain: [UInt8] = []
        let end = (clock() + lifetime).milliseconds
        for shift in stride(from: 56, through: 0, by: -8) { plain.append(UInt8(truncatingIfNeeded: end >> Int64(shift))) }
        plain.append(json: payload)
        return Base64.encode(cipher.seal(plain, authenticating: context(kind, caller, owner, parts)))
    }

    /// Nil for whatever was not sealed here for the same caller, kind and parts, or has expired.
    func open(
        _ handle: String, _ kind: Kind, of caller: Principal?, _ owner: Owner, _ parts: [[UInt8]] = []
    ) -> JSONValue? {
        guard handle.utf8.count <= 16_384, let box = Base64.decode(handle),
            let plain = cipher.open(box, authenticating: context(kind, caller, owner, parts)), plain.count > 8
        else { return nil }
        let end = plain[..<8].reduce(Int64(0)) { $0 << 8 | Int64($1) }
        guard clock().milliseconds < end else { return nil }
        return try? JSONValue(parsing: Array(plain[8...]))
    }

    /// Each part with its length in front: no two lists of parts give the same bytes.
    private func context(_ kind: Kind, _ caller: Principal?, _ owner: Owner, _ parts: [[UInt8]]) -> [UInt8] {
        var names = [caller?.userID.text]
        if owner != .user { names.append(caller?.clientID?.text) }
        if owner == .grant { names.append(caller?.grantID?.text) }
        var out: [UInt8] = [kind.rawValue, UInt8(names.count)]
        for part in [scope] + names.map({ Array(($0 ?? "").utf8) }) + parts {
            for shift in [24, 16, 8, 0] { out.append(UInt8(truncatingIfNeeded: part.count >> shift)) }
            out.append(contentsOf: part)
        }
        return out
    }
}
