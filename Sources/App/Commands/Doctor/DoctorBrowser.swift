import Client
import HTTP
import Primitives

/// As much of a browser as our own pages need: cookies, forms, no redirects followed unasked.
final class DoctorBrowser {
    struct Answer {
        let status: Int
        let fields: Fields
        let text: String

        var json: JSONValue? { try? JSONValue(parsing: text) }
        var location: String? { fields[.location] }
    }

    private let client: HTTPClient
    private var cookies: [String: String] = [:]

    init(client: HTTPClient) { self.client = client }

    func send(
        _ method: Method, _ url: String, fields: [(String, String)] = [], body: [UInt8] = [], token: Secret? = nil,
        isRepeatable: Bool = true
    ) async throws(ClientError) -> Answer {
        var request = OutboundRequest(method, url, fields: fields, body: body, isRepeatable: isRepeatable)
        request.timeout = .seconds(20)
        if !cookies.isEmpty {
            let header = cookies.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }.joined(separator: "; ")
            request.secretFields.append(("Cookie", Secret(header)))
        }
        if let token { request.secretFields.append(("Authorization", Secret("Bearer " + token.exposeText()))) }
        let answer = try await client.send(request)
        for line in answer.fields.all(.setCookie) { keep(line) }
        return Answer(status: answer.status, fields: answer.fields, text: String(decoding: answer.body, as: UTF8.self))
    }

    func post(form: [(String, String)], to url: String, origin: String) async throws(ClientError) -> Answer {
        try await send(
            .post, url,
            fields: [
                ("Content-Type", "application/x-www-form-urlencoded"), ("Origin", origin), ("Sec-Fetch-Site", "same-origin"),
                ("Accept", "text/html, application/json"),
            ], body: Array(Self.encode(form).utf8), isRepeatable: false)
    }

    static func encode(_ form: [(String, String)]) -> String {
        form.map { "\(PercentEncoding.encode($0.0))=\(PercentEncoding.encode($0.1))" }.joined(separator: "&")
    }

    private func keep(_ line: String) {
        let pair = line.split(separator: ";", maxSplits: 1).first?.split(
            separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        guard let pair, pair.count == 2 else { return }
        let value = pair[1].trimmingSpaces
        cookies[pair[0].trimmingSpaces] = value.isEmpty ? nil : value
    }
}

extension Substring {
    fileprivate var trimmingSpaces: String { String(drop { $0 == " " }).trimmingTail }
}

/// The first form of one of our own pages.
struct PageForm {
    struct Field {
        let name: String
        let value: String
        let type: String
    }

    let action: String
    let fields: [Field]

    /// Nil when the page has none.
    init?(_ html: String) {
        guard let start = html.firstRange(of: "<form") else { return nil }
        let form = html[start.lowerBound...]
        guard let end = form.firstRange(of: "</form>"), let action = Self.attribute("action", form.prefix { $0 != ">" }) else {
            return nil
        }
        self.action = action
        var fields: [Field] = []
        var rest = form[..<end.lowerBound]
        while let open = rest.firstIndex(of: "<") {
            let tag = rest[open...].prefix { $0 != ">" }
            rest = rest[tag.endIndex...]
            guard tag.hasPrefix("<input") || tag.hasPrefix("<button"), let name = Self.attribute("name", tag) else { continue }
            fields.append(
                Field(name: name, value: Self.attribute("value", tag) ?? "", type: Self.attribute("type", tag) ?? "text"))
        }
        self.fields = fields
    }

    func has(_ name: String) -> Bool { fields.contains { $0.name == name } }

    /// What a person sends who fills in these values and ticks everything.
    func filled(_ values: [String: String]) -> [(String, String)] {
        var out = fields.filter { $0.type != "submit" && values[$0.name] == nil }.map { ($0.name, $0.value) }
        for (name, value) in values.sorted(by: { $0.key < $1.key }) { out.append((name, value)) }
        return out
    }

    private static func attribute(_ name: String, _ tag: Substring) -> String? {
        guard let start = tag.firstRange(of: " \(name)=\"") else { return nil }
        let raw = tag[start.upperBound...].prefix { $0 != "\"" }
        return String(raw).replacing("&lt;", with: "<").replacing("&gt;", with: ">").replacing("&quot;", with: "\"")
            .replacing("&#39;", with: "'").replacing("&amp;", with: "&")
    }
}
