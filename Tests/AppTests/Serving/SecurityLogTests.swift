import Primitives
import Testing

@testable import App

@Suite struct SecurityLogTests {
    private func entry(_ event: String, _ subject: String = "demo") -> SecurityLog.Entry {
        SecurityLog.Entry(time: "t", event: event, outcome: "failure", subject: subject, isGrave: true)
    }

    @Test(
        arguments: [
            (["event": "auth.login", "severity": "info"], true), (["event": "mcp.tool.called", "severity": "info"], false),
            (["event": "mcp.tool.denied", "severity": "warning"], false),
            (["event": "dpop.rejected", "severity": "warning"], true),
            (["event": "token.issued", "severity": "info"], false), (["severity": "critical"], false),
        ] as [(JSONValue, Bool)])
    func `an administrator sees sign-ins, changes and whatever is grave, not every call`(_ record: JSONValue, _ isShown: Bool) {
        #expect(SecurityLog.isWorthKnowing(record) == isShown)
    }

    @Test func `the same thing over and over is one line, and the list is bounded`() {
        let folded = SecurityLog.folded([entry("a"), entry("a"), entry("a", "other"), entry("b"), entry("b"), entry("b")])
        #expect(folded.map(\.count) == [2, 1, 3])
        #expect(SecurityLog.folded((0..<100).map { entry("e\($0)") }).count == SecurityLog.limit)
    }
}
