import Client
import Foundation
import HTTP
import Logging
import Primitives
import Server
import Testing
import Transport

@Suite struct UpstreamTLSTests {
    private static func file(_ name: String) -> String {
        URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
            .appending(path: "Fixtures/tls/\(name)").path
    }

    private func ask(_ host: String, trusting authority: String) async throws -> Result<PoolFixture.Answer, ClientError> {
        let group = try EventLoopGroup(count: 1)
        let server = HTTPServer(group: group, logger: .silent)
        let tls = try TLSContext(.init(certificate: Self.file("localhost.crt"), key: Self.file("localhost.key")))
        let endpoint = try server.listen(
            on: Endpoint("127.0.0.1:0")!, tls: tls, responder: Fixed(), configuration: ServerConfiguration())
        let fixture = try PoolFixture("https://\(host):\(endpoint.port)/", authorities: Self.file(authority))
        let result = await fixture.send(UpstreamRequest(.get, timeout: .seconds(5)))
        fixture.stop()
        await server.drain(deadline: .milliseconds(100))
        group.stop()
        return result
    }

    private struct Fixed: Responder {
        func bodyLimit(for request: Request) -> Int { 0 }
        func respond(to request: Request, in context: RequestContext) async -> Response { .text("secure \(context.isSecure)") }
    }

    @Test func `a certificate that is trusted and for the name is accepted`() async throws {
        #expect(try await ask("localhost", trusting: "localhost.crt") == .success(.init(status: 200, body: "secure true")))
    }

    @Test func `a certificate nobody vouches for is refused`() async throws {
        guard case .failure(let error) = try await ask("localhost", trusting: "other.crt") else {
            return #expect(Bool(false), "it must fail")
        }
        #expect(error.code == .tls && !error.mayHaveBeenSent)
    }
}
