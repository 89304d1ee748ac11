import HTTP
import Primitives
import Testing

@testable import OAuth

/// A browser in one world: keeps cookies and sends forms the way browsers do.
struct Browser {
    let world: World
    var cookies: [String: String] = [:]
    /// What a form POST says of where it comes from.
    var origin: String? = World.issuer
    var site: String? = "same-origin"

    init(_ world: World) { self.world = world }

    mutating func get(_ path: String, _ parameters: [(String, String)] = []) async -> Response {
        keep(await send(.get(path, parameters, fields)))
    }

    mutating func post(_ path: String, _ parameters: [(String, String)]) async -> Response {
        var fields = fields
        if let origin { fields.append(.origin, origin) }
        if let site { fields.append(.secFetchSite, site) }
        return keep(await send(.form(path, parameters, fields)))
    }

    /// Opens the valid request, changed as given. The answer is the login page.
    mutating func open(_ changes: [(String, String?)] = []) async -> Response {
        await get("/authorize", AuthorizationParserTests.changed(changes))
    }

    mutating func signIn(on page: Response, password: String = "right") async -> Response {
        await post("/login", page.formParameters + [("username", "ada"), ("password", password)])
    }

    /// From the request to the question.
    mutating func reachConsent(_ changes: [(String, String?)] = []) async throws -> Response {
        let login = await open(changes)
        let redirect = await signIn(on: login)
        #expect(redirect.status == .seeOther)
        return await get("/consent", [("transaction", try #require(login.json["transaction"]?.string))])
    }

    private func send(_ request: Request) async -> Response {
        let flow = world.flow
        let response =
            switch (request.method, request.path) {
            case (.post, "/login"): await flow.signIn(request, in: .sample)
            case (.post, "/consent"): await flow.decide(request, in: .sample)
            case (_, "/consent"): await flow.showConsent(request, in: .sample)
            default: await flow.authorize(request, in: .sample)
            }
        return withExtendedLifetime(world) { response }
    }

    /// One that has signed in as ada.
    static func signedIn(_ world: World) async throws -> Browser {
        var browser = Browser(world)
        let login = await browser.open()
        #expect(await browser.signIn(on: login).status == .seeOther)
        return browser
    }

    /// The request with this browser's cookies.
    func dressed(_ request: Request) -> Request {
        var request = request
        for field in fields.all(.cookie) { request.fields.append(.cookie, field) }
        return request
    }

    private var fields: Fields {
        var fields = Fields()
        if !cookies.isEmpty {
            fields.append(.cookie, cookies.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }.joined(separator: "; "))
        }
        return fields
    }

    @discardableResult mutating func keep(_ response: Response) -> Response {
        for line in response.fields.all(.setCookie) {
            guard let pair = line.split(separator: ";").first, let equals = pair.firstIndex(of: "=") else { continue }
            cookies[String(pair[..<equals])] = String(pair[pair.index(after: equals)...])
        }
        return response
    }
}

extension Response {
    var page: String? { json["page"]?.string }
    var location: String? { fields[.location] }

    /// The hidden fields of a page's form.
    var formParameters: [(String, String)] {
        [("transaction", json["transaction"]?.string ?? ""), ("token", json["token"]?.string ?? "")]
    }

    /// The parameters the page would hand to the client.
    func handedOver() throws -> Parameters {
        let url = try #require(json["url"]?.string ?? location)
        return try Parameters(parsing: URLReference(url)?.query)
    }
}
