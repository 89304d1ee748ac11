/// A browser in words people know, from what it says of itself. For lists only; nothing is decided by it.
enum BrowserName {
    static func of(_ userAgent: String) -> String {
        let browsers = [("Edg/", "Edge"), ("OPR/", "Opera"), ("Firefox/", "Firefox"), ("Chrome/", "Chrome"), ("Safari/", "Safari")]
        let systems = [
            ("iPhone", "iPhone"), ("iPad", "iPad"), ("Android", "Android"), ("Windows", "Windows"), ("Mac OS", "Mac"),
            ("Linux", "Linux"),
        ]
        guard let browser = browsers.first(where: { userAgent.contains($0.0) }) else {
            let name = userAgent.prefix { $0 != "/" && $0 != " " }
            return name.isEmpty ? "Unknown browser" : String(name.prefix(40))
        }
        guard let system = systems.first(where: { userAgent.contains($0.0) }) else { return browser.1 }
        return "\(browser.1) on \(system.1)"
    }
}
