import Crypto
import Foundation
import HTTP
import Primitives
import QarnotSimulator
import Testing

/// Sends the recorded requests of one session of the official SDK to a fresh simulator. Ids, entity tags and tokens the
/// simulator made are put where the recorded ones stood; storage requests are signed anew, since their paths change with them.
final class Replayer {
    let fixture: SimulatorFixture
    /// What stood in the recordings, and what stands for it here.
    private(set) var names: [String: String] = [:]

    init() { fixture = SimulatorFixture() }

    static func files() throws -> [String] {
        let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent().appending(
            path: "Fixtures/qarnot")
        return try FileManager.default.contentsOfDirectory(atPath: folder.path).filter { $0.hasSuffix(".json") }.sorted()
    }

    func replace(_ recorded: String, with ours: String) {
        if !recorded.isEmpty, recorded != ours { names[recorded] = ours }
    }

    /// Sends one recorded request and returns what came back.
    func send(_ recording: Recording) async -> Reply {
        let request = recording.json["request"] ?? .null
        let body = renamed(bytes(request["body"] ?? .null))
        let path = renamed(request["path"]?.string ?? "/")
        let method = HTTP.Method(rawValue: request["method"]?.string ?? "") ?? .get
        if recording.json["service"]?.string == "s3" {
            let headers = request["headers"]?.object?.members.map { ($0.key.lowercased(), renamed($0.value.string ?? "")) } ?? []
            let scheme = recording.json["signature"]?.string
            return await storage(
                method, path, body, headers, isPresigned: scheme == "sigv2-query",
                // The one recorded without a scheme did not hold.
                token: scheme == nil ? "sim-token-wrong" : "sim-token-alice")
        }
        var out = SimulatorFixture.request(method, path, body)
        for header in request["headers"]?.object?.members ?? [] where header.key.lowercased() != "content-length" {
            out.fields.append(name: Array(header.key.utf8), value: Array((header.value.string ?? "").utf8))
        }
        return Reply(await fixture.simulator.rest.respond(to: out, in: SimulatorFixture.context))
    }

    /// A storage request of alice, signed.
    func storage(
        _ method: HTTP.Method, _ target: String, _ body: [UInt8] = [], _ headers: [(String, String)] = [],
        isPresigned: Bool = false,
        token: String = "sim-token-alice"
    ) async -> Reply {
        let digest = Hex.encode(SHA256.digest(body))
        let date = String(fixture.clock.now.rfc3339.prefix(19).filter { $0 != "-" && $0 != ":" }) + "Z"
        let kept = headers.filter {
            !["authorization", "x-amz-date", "x-amz-content-sha256", "host", "content-length"].contains($0.0)
        }
        var request = SimulatorFixture.request(method, target, body)
        request.fields.append(.host, "127.0.0.1:28781")
        for (name, value) in kept { request.fields.append(name: Array(name.utf8), value: Array(value.utf8)) }
        guard !isPresigned else { return await fixture.storage(request) }
        request.fields.append(FieldName("x-amz-date"), date)
        request.fields.append(FieldName("x-amz-content-sha256"), digest)
        request.fields.append(.authorization, Self.authorization(request, date, digest, token))
        return await fixture.storage(request)
    }

    private static func authorization(_ request: Request, _ date: String, _ digest: String, _ token: String) -> String {
        let query = (request.query ?? "").split(separator: "&").map { $0.contains("=") ? String($0) : "\($0)=" }.sorted()
        let names = "host;x-amz-content-sha256;x-amz-date"
        let canonical = [
            request.method.rawValue, request.path, query.joined(separator: "&"),
            "host:127.0.0.1:28781\nx-amz-content-sha256:\(digest)\nx-amz-date:\(date)\n", names, digest,
        ].joined(separator: "\n")
        let scope = "\(date.prefix(8))/us-east-1/s3/aws4_request"
        let text = ["AWS4-HMAC-SHA256", date, scope, Hex.encode(SHA256.digest(Array(canonical.utf8)))].joined(separator: "\n")
        var key = Secret("AWS4" + token)
        for part in [String(date.prefix(8)), "us-east-1", "s3", "aws4_request"] {
            key = Secret(HMACSHA256(key: key).code(for: Array(part.utf8)))
        }
        let signature = Hex.encode(HMACSHA256(key: key).code(for: Array(text.utf8)))
        return "AWS4-HMAC-SHA256 Credential=alice@example.com/\(scope), SignedHeaders=\(names), Signature=\(signature)"
    }

    /// Learns what the simulator calls what the recording called otherwise.
    func learn(from recording: Recording, _ reply: Reply) {
        pair(recording.responseBody, reply.json)
        if let etag = recording.json["response"]?["headers"]?["ETag"]?.string, let ours = reply.fields[.etag] {
            replace(etag.filter { $0 != "\"" }, with: ours.filter { $0 != "\"" })
        }
        if let text = recording.responseBody.string {
            replace(Self.element("UploadId", text), with: Self.element("UploadId", reply.text))
            func etag(_ xml: String) -> String { Self.element("ETag", xml).replacing("&quot;", with: "").filter { $0 != "\"" } }
            replace(etag(text), with: etag(reply.text))
        }
    }

    private func pair(_ recorded: JSONValue, _ ours: JSONValue) {
        switch (recorded, ours) {
        case (.object(let recorded), .object(let ours)):
            for member in recorded.members {
                guard let mine = ours[member.key] else { continue }
                if ["uuid", "id", "nextToken"].contains(member.key), let a = member.value.string, let b = mine.string {
                    replace(a, with: b)
                } else {
                    pair(member.value, mine)
                }
            }
        case (.array(let recorded), .array(let ours)):
            for (a, b) in zip(recorded, ours) { pair(a, b) }
        default: break
        }
    }

    static func element(_ name: String, _ xml: String) -> String {
        guard let start = xml.firstRange(of: "<\(name)>"), let end = xml.firstRange(of: "</\(name)>") else { return "" }
        return String(xml[start.upperBound..<end.lowerBound])
    }

    private func renamed(_ text: String) -> String {
        // Longer names first: a snapshot's id holds its task's.
        names.sorted { $0.key.count > $1.key.count }.reduce(text) { $0.replacing($1.key, with: $1.value) }
    }

    private func renamed(_ bytes: [UInt8]) -> [UInt8] {
        guard bytes.count < 65_536, let text = String(validating: bytes, as: UTF8.self) else { return bytes }
        return Array(renamed(text).utf8)
    }

    private func bytes(_ body: JSONValue) -> [UInt8] {
        switch body {
        case .null: []
        case .string(let text): Array(text.utf8)
        case .object(let object) where object["base64Prefix"] != nil:
            // Only the beginning was kept.
            (Base64.decode(object["base64Prefix"]?.string ?? "", .standard) ?? [])
                + [UInt8](repeating: 0, count: max(0, (object["length"]?.int ?? 0) - 48))
        default: body.serialized
        }
    }
}
