import HTTP
import OAuth
import Primitives

/// The pages people see. Plain HTML and one stylesheet; a script only where a passkey may be asked for, and nothing needs it.
struct Pages: FlowPages {
    let frame: PageFrame
    /// Tools by the resource that has them, as far as they are ours to name (CON-1).
    var tools: [String: [(name: String, permission: Permission)]] = [:]

    var autofocus: Markup { " autofocus" }

    func notice(_ text: String) -> Markup { "<p class=\"notice\" role=\"alert\">\(text)</p>" }
    func warning(_ text: String) -> Markup { "<p class=\"warning\" role=\"note\">\(text)</p>" }

    func refusal(_ page: RefusalPage) -> Response {
        frame.respond(
            frame.render(
                title: page.title,
                """
                <h1>\(page.title)</h1>
                <p>\(page.text)</p>
                <p class="small">If you ask for help, give this number: <code>\(page.requestID.text)</code></p>
                """), status: page.status)
    }

    func handOff(to url: String, host: String) -> Response {
        frame.respond(
            frame.render(
                title: "Continuing", head: "<meta http-equiv=\"refresh\" content=\"0;url=\(url)\">\n",
                """
                <h1>Access allowed</h1>
                <p>You are on your way back to <strong>\(host)</strong>.</p>
                <p><a class="button primary" href="\(url)">Continue</a></p>
                """), policy: PageFrame.handOffPolicy)
    }

    func errorHandOff(to url: String, host: String, isAutomatic: Bool) -> Response {
        frame.respond(
            frame.render(
                title: "Not connected", head: isAutomatic ? "<meta http-equiv=\"refresh\" content=\"0;url=\(url)\">\n" : nil,
                """
                <h1>Not connected</h1>
                <p>Nothing was allowed. You may tell the application at <strong>\(host)</strong>, or close this page.</p>
                <p><a class="button" rel="noreferrer" href="\(url)">Return to \(host)</a></p>
                """), policy: PageFrame.handOffPolicy)
    }
}
