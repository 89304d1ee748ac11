import HTTP
import Testing

@Suite struct CookiesTests {
    private static func values(_ text: String) -> [String] { Cookies.values("__Host-session", in: [(.cookie, text)]) }

    @Test func `every value of a name is told`() {
        #expect(Self.values("a=1; __Host-session=x; b=2; __Host-session=y") == ["x", "y"])
    }

    @Test func `a semicolon ends a value whatever follows it`() {
        #expect(Self.values("__Host-session=x;\u{301}a=1") == ["x"])
    }

    @Test(arguments: ["", ";", "__Host-session", "x__Host-session=1", "__host-session=1", "=__Host-session"])
    func `anything else has none`(_ text: String) { #expect(Self.values(text) == []) }
}
