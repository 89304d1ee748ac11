package import Primitives

/// Whether a caller may use a tool: token scopes bounded by the role (contract §4, RS-8). Pure.
package enum ToolPolicy {
    package enum Verdict: Sendable, Hashable {
        case allowed
        /// A token with this scope would do, and the user may have one: the challenge names it.
        case needsScope(Scope)
        /// No scope helps: the role does not reach so far.
        case beyondRole
    }

    package static func judge(_ caller: Principal, engine: String, needs permission: Permission) -> Verdict {
        guard caller.role.permission >= permission else { return .beyondRole }
        guard let held = caller.scopes.permission(for: engine), held >= permission else {
            return .needsScope(Scope(engine: engine, permission: permission))
        }
        return .allowed
    }
}
