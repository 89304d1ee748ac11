import HTTP
import Primitives
import Testing

@testable import MCP

@Suite struct ClassifierTests {
    /// One word for each verdict.
    private func verdict(_ body: String, header: String?) throws -> String {
        let document = try JSONDocument(parsing: Array(body.utf8))
        switch Classifier.classify(document.root, header: header) {
        case .modern: return "modern"
        case .legacy(_, let revision): return revision.rawValue
        case .batch: return "batch"
        case .invalid(let error, _): return "\(error.code.rawValue)"
        case .unsupportedHeader: return "unsupported"
        }
    }

    private static let enveloped = EndpointFixture.body("tools/list")
    private static let bare = #"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#
    private static let initialize = #"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25"}}"#
    private static let notification = #"{"jsonrpc":"2.0","method":"notifications/initialized"}"#
    private static let response = #"{"jsonrpc":"2.0","id":1,"result":{}}"#

    @Test(
        arguments: [
            // 3 and 4: batches
            ("[\(enveloped)]", nil, "-32600"), ("[\(bare),\(enveloped)]", nil, "-32600"), ("[\(bare)]", nil, "batch"),
            ("[\(bare)]", "2025-03-26", "batch"), ("[\(bare)]", "2025-06-18", "-32600"), ("[\(bare)]", "2026-07-28", "-32600"),
            ("[]", nil, "-32600"),
            // 5: responses
            (response, nil, "2025-03-26"), (response, "2025-11-25", "2025-11-25"), (response, "2026-07-28", "-32600"),
            (#"{"jsonrpc":"2.0","id":1,"error":{"code":1,"message":"x"}}"#, "2027-01-01", "-32600"),
            // 6: an envelope decides, whatever the method and header
            (enveloped, "2026-07-28", "modern"), (enveloped, nil, "modern"), (enveloped, "2025-11-25", "modern"),
            (EndpointFixture.body("initialize"), nil, "modern"),
            // 7: a modern header without envelope
            (bare, "2026-07-28", "-32602"), (bare, "2027-01-01", "-32602"),
            // 8: and the handshake
            (initialize, "2026-07-28", "-32020"),
            // 9: notifications
            (notification, "2026-07-28", "modern"), (notification, "2025-06-18", "2025-06-18"), (notification, nil, "2025-03-26"),
            // 10: everything else
            (bare, nil, "2025-03-26"), (bare, "2025-03-26", "2025-03-26"), (bare, "2025-06-18", "2025-06-18"),
            (bare, "2025-11-25", "2025-11-25"), (bare, "2024-01-01", "unsupported"), (bare, "v999.0.0", "unsupported"),
            (bare, "", "unsupported"),
            (initialize, nil, "2025-03-26"), (initialize, "2025-11-25", "2025-03-26"), (initialize, "1999-01-01", "2025-03-26"),
            // no message at all
            ("{}", nil, "-32600"), ("1", nil, "-32600"), (#"{"jsonrpc":"1.0","id":1,"method":"x"}"#, nil, "-32600"),
            (#"{"jsonrpc":"2.0","id":1}"#, nil, "-32600"), (#"{"jsonrpc":"2.0","id":1,"method":7}"#, nil, "-32600"),
            (#"{"jsonrpc":"2.0","id":null,"method":"ping"}"#, nil, "-32600"),
            (#"{"jsonrpc":"2.0","id":1.5,"method":"ping"}"#, nil, "-32600"),
            (#"{"jsonrpc":"2.0","id":[],"method":"ping"}"#, nil, "-32600"),
            (#"{"jsonrpc":"2.0","id":1,"method":"ping","params":[]}"#, nil, "-32600"),
        ] as [(String, String?, String)])
    func `the body decides the era and headers only cross-check (mcp.md §2)`(_ body: String, _ header: String?, _ expected: String)
        throws
    {
        #expect(try verdict(body, header: header) == expected)
    }

    @Test func `a batch holds at most 50 messages`() throws {
        func batch(_ count: Int) -> String { "[" + [String](repeating: Self.bare, count: count).joined(separator: ",") + "]" }
        #expect(try verdict(batch(50), header: nil) == "batch")
        #expect(try verdict(batch(51), header: nil) == "-32600")
    }

    @Test func `mirrored headers are no sign of an era`() async throws {
        let fixture = try EndpointFixture()
        let fields: Fields = [(.mcpProtocolVersion, "2025-11-25"), (.mcpMethod, "wrong"), (.mcpName, "wrong")]
        let answer = await fixture.post(Self.bare, fields)
        #expect(answer.status == .ok && answer.json["result"]?["tools"] != nil)
    }
}
