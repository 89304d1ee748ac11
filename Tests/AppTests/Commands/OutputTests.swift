import Primitives
import Testing

@testable import App

@Suite struct OutputTests {
    private static let rows: [JSONValue] = [
        ["name": "a", "scopes": ["qarnot:read", "qarnot:execute"], "last": .null, "count": 3],
        ["name": "longer name", "scopes": [], "last": ""],
    ]
    private static let columns: [(title: String, member: String)] = [
        ("name", "name"), ("scopes", "scopes"), ("last", "last"), ("count", "count"),
    ]

    @Test func `a terminal gets a table with a header and no trailing space`() {
        let lines = Output(isJSON: false, isTerminal: true).lines(Self.rows, columns: Self.columns)
        #expect(
            lines == [
                "NAME         SCOPES                      LAST  COUNT",
                "a            qarnot:read qarnot:execute  -     3",
                "longer name  -                           -     -",
            ])
    }

    @Test func `a pipe gets plain lines with tabs and no header`() {
        let lines = Output(isJSON: false, isTerminal: false).lines(Self.rows, columns: Self.columns)
        #expect(lines == ["a\tqarnot:read qarnot:execute\t-\t3", "longer name\t-\t-\t-"])
    }

    @Test func `a script gets one object a line`() {
        let lines = Output(isJSON: true, isTerminal: true).lines(Self.rows, columns: Self.columns)
        #expect(lines == Self.rows.map(\.text))
        #expect(lines.allSatisfy { !$0.contains("\n") })
    }

    @Test(arguments: [true, false])
    func `nothing in a cell can steer a terminal or break a line`(_ isTerminal: Bool) {
        let rows: [JSONValue] = [["name": "a\u{1B}[2J\nb\tc\u{202E}d\u{9B}e"]]
        let lines = Output(isJSON: false, isTerminal: isTerminal).lines(rows, columns: [("name", "name")])
        #expect(lines.last == "a�[2J�b�c�d�e")
    }
}
