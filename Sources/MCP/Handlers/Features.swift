/// What an endpoint offers beside its tools. The capabilities it declares follow from this, so none is promised that is not
/// served (mcp.md §3.5).
package struct Features: Sendable {
    package var prompts: [Prompt] = []
    package var resources: [Resource] = []
    package var templates: [ResourceTemplate] = []
    /// What the caller has of its own, listed behind `resources` page by page: from the place the page before named, or from the
    /// start. Nil when it cannot be listed now; then the first page has the fixed resources alone.
    package var ownResources: (@Sendable (ToolContext, String?) async -> ResourcePage?)?
    /// Values for an argument of a prompt or template; nil when the reference is unknown. Not offered when absent.
    package var complete: (@Sendable (CompletionQuestion) async -> [String]?)?
    /// Deprecated in the protocol; for the fixture.
    package var hasLogging = false
    /// Where changes of lists and resources are told. Nil: nothing offered here changes while the process runs.
    package var changes: ChangeHub?
    /// Whether `changes` tells of tools; of prompts and resources it does wherever there are any.
    package var hasChangingTools = false
    /// The tasks extension.
    package var hasTasks = false
    /// Entries of a list answered at once; more need a cursor.
    package var pageSize = 100

    package init() {}

    var hasResources: Bool { !resources.isEmpty || !templates.isEmpty || ownResources != nil }
}

/// One `completion/complete`.
package struct CompletionQuestion: Sendable {
    package enum Reference: Sendable, Hashable {
        case prompt(String)
        /// An address or a template.
        case resource(String)
    }

    package let reference: Reference
    package let argument: String
    /// What was typed so far.
    package let value: String
    /// Arguments settled already, from `context`.
    package let settled: [String: String]
    /// Who asks.
    package let context: ToolContext
}
