import Testing

@testable import App

@Suite struct MarkupTests {
    @Test(arguments: [
        ("<script>alert(1)</script>", "&lt;script&gt;alert(1)&lt;/script&gt;"),
        ("\" onclick=\"x", "&quot; onclick=&quot;x"),
        ("' onclick='x", "&#39; onclick=&#39;x"),
        ("&lt;", "&amp;lt;"),
        ("plain é 漢 😀", "plain é 漢 😀"),
        ("", ""),
    ])
    func `interpolated text is escaped for text and quoted attributes`(_ text: String, _ escaped: String) {
        let markup: Markup = "<p title=\"\(text)\">\(text)</p>"
        #expect(markup.html == "<p title=\"\(escaped)\">\(escaped)</p>")
    }

    @Test(arguments: ["a\u{202E}b", "a\u{2066}b", "a\u{200F}b", "a\u{61C}b", "a\u{0}b", "a\u{1B}b", "a\u{9B}b", "a\u{2028}b"])
    func `what turns or breaks a line is dropped`(_ text: String) {
        let markup: Markup = "\(text)"
        #expect(markup.html == "ab")
    }

    @Test func `markup within markup goes in as it is`() {
        let inner: Markup = "<b>\("<")</b>"
        let missing: Markup? = nil
        let markup: Markup = "<p>\(inner)\(missing)\([inner, inner])</p>"
        #expect(markup.html == "<p><b>&lt;</b><b>&lt;</b><b>&lt;</b></p>")
    }

    @Test func `combining characters cannot hide a delimiter`() {
        let markup: Markup = "\("<\u{301}\"\u{308}")"
        #expect(markup.html == "&lt;\u{301}&quot;\u{308}")
    }
}
