/// What an engine's tools are divided into; each class includes the ones before it.
package enum Permission: Int, Sendable, Hashable, Comparable, CaseIterable {
    case read, execute, admin

    package init?(_ text: String) {
        switch text {
        case "read": self = .read
        case "execute": self = .execute
        case "admin": self = .admin
        default: return nil
        }
    }

    package var text: String {
        switch self {
        case .read: "read"
        case .execute: "execute"
        case .admin: "admin"
        }
    }

    package static func < (a: Permission, b: Permission) -> Bool { a.rawValue < b.rawValue }
}

/// A user's standing over all engines: the upper bound of every permission.
package enum Role: String, Sendable, Hashable, CaseIterable {
    case viewer, `operator`, admin

    /// The highest permission class the role reaches.
    package var permission: Permission {
        switch self {
        case .viewer: .read
        case .operator: .execute
        case .admin: .admin
        }
    }
}

/// One scope token, `<engine>:<class>`.
package struct Scope: Sendable, Hashable, Comparable, CustomStringConvertible {
    package let engine: String
    package let permission: Permission

    package init(engine: String, permission: Permission) {
        self.engine = engine
        self.permission = permission
    }

    /// Nil unless `<engine>:<class>` with a known class.
    package init?(_ text: some StringProtocol) {
        self.init(String(text))
    }

    /// Not generic: across modules that costs more than the work.
    package init?(_ text: String) {
        guard let colon = text.utf8.firstIndex(of: UInt8(ascii: ":")), colon != text.startIndex,
            let permission = Permission(String(text[text.utf8.index(after: colon)...]))
        else { return nil }
        self.init(engine: String(text[..<colon]), permission: permission)
    }

    package var description: String { "\(engine):\(permission.text)" }

    package static func < (a: Scope, b: Scope) -> Bool {
        a.engine == b.engine ? a.permission < b.permission : a.engine < b.engine
    }
}

/// A set of scopes, ordered by engine, holding at most the highest class of each engine and class it was given.
package struct ScopeSet: Sendable, Hashable, CustomStringConvertible {
    /// Sorted, without duplicates.
    package let scopes: [Scope]
    /// Space-separated, as RFC 6749 §3.3 writes it.
    package let description: String

    package init(_ scopes: some Sequence<Scope>) {
        self.scopes = Set(scopes).sorted()
        description = self.scopes.map(\.description).joined(separator: " ")
    }

    private init(scopes: [Scope], description: String) {
        self.scopes = scopes
        self.description = description
    }

    /// Reads a space-separated list; words that are no known scope are dropped.
    package init(text: String) {
        // Most sets are one scope.
        if !text.utf8.contains(0x20), let scope = Scope(text) {
            self.init(scopes: [scope], description: text)
        } else {
            self.init(text.utf8.split(separator: 0x20).compactMap { Scope(String(Substring($0))) })
        }
    }

    package var isEmpty: Bool { scopes.isEmpty }

    /// The highest class held for an engine.
    package func permission(for engine: String) -> Permission? {
        var best: Permission?
        for scope in scopes where scope.engine == engine { best = max(best ?? scope.permission, scope.permission) }
        return best
    }

    /// True when the scope or a higher class of its engine is held.
    package func covers(_ scope: Scope) -> Bool {
        guard let held = permission(for: scope.engine) else { return false }
        return held >= scope.permission
    }

    package func union(_ other: ScopeSet) -> ScopeSet { ScopeSet(scopes + other.scopes) }
}
