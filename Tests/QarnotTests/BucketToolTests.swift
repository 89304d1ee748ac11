import Client
import HTTP
import MCP
import Primitives
import Qarnot
import Testing

@Suite struct BucketToolTests {
    @Test func `files are written, listed, read and deleted`() async throws {
        let fixture = try EngineFixture()
        _ = try await fixture.succeed("create_bucket", ["bucket": "files"])
        #expect(try await fixture.succeed("list_buckets")["buckets"]?.array?.map { $0["name"] } == ["files"])
        let key = "dir/a file+with &odd=chars<>.txt"
        let written = try await fixture.succeed("write_bucket_file", ["bucket": "files", "key": .string(key), "text": "grüße\n"])
        #expect(written["size"] == 8 && written["etag"]?.string?.count == 32)
        let listed = try await fixture.succeed("list_bucket_files", ["bucket": "files", "prefix": "dir/"])
        #expect(listed["files"]?.array?.map { $0["key"] } == [.string(key)] && listed["next_cursor"] == .null)
        let read = try await fixture.succeed("read_bucket_file", ["bucket": "files", "key": .string(key)])
        #expect(read["text"] == "grüße\n" && read["truncated"] == false && read["size"] == 8)
        #expect(try await fixture.fetch(read["download_url"]?.string ?? "") == "grüße\n")
        _ = try await fixture.succeed("delete_bucket_file", ["bucket": "files", "key": .string(key)])
        #expect(try await fixture.fail("read_bucket_file", ["bucket": "files", "key": .string(key)])["code"] == "not_found")
        await fixture.stop()
    }

    @Test func `bytes come as base64 and an empty file as nothing`() async throws {
        let fixture = try EngineFixture()
        _ = try await fixture.succeed("create_bucket", ["bucket": "files"])
        _ = try await fixture.succeed("write_bucket_file", ["bucket": "files", "key": "b", "base64": "AP8Q"])
        #expect(try await fixture.succeed("read_bucket_file", ["bucket": "files", "key": "b"])["blob"] == "AP8Q")
        _ = try await fixture.succeed("write_bucket_file", ["bucket": "files", "key": "e", "text": ""])
        let empty = try await fixture.succeed("read_bucket_file", ["bucket": "files", "key": "e"])
        #expect(empty["text"] == "" && empty["size"] == 0 && empty["truncated"] == false)
        #expect(
            try await fixture.fail("write_bucket_file", ["bucket": "files", "key": "x", "base64": "%"])["fields"] == ["base64"])
        await fixture.stop()
    }

    @Test func `a large file is read in parts that join to the whole`() async throws {
        let fixture = try EngineFixture()
        _ = try await fixture.succeed("create_bucket", ["bucket": "files"])
        let text = String(repeating: "zeile \"ü\"\n", count: 30_000)
        _ = try await fixture.succeed("write_bucket_file", ["bucket": "files", "key": "big", "text": .string(text)])
        var (joined, offset, parts) = ("", JSONValue.int(0), 0)
        while offset != .null {
            let part = try await fixture.succeed(
                "read_bucket_file", ["bucket": "files", "key": "big", "offset": offset, "max_bytes": 1_048_576])
            #expect(part.serialized.count <= 100_000)
            joined += part["text"]?.string ?? ""
            offset = part["next_offset"] ?? .null
            parts += 1
        }
        #expect(joined == text && parts > 3)
        await fixture.stop()
    }

    @Test func `a file without content gets a URL that takes it`() async throws {
        let fixture = try EngineFixture()
        _ = try await fixture.succeed("create_bucket", ["bucket": "files"])
        let url = try await fixture.succeed("write_bucket_file", ["bucket": "files", "key": "up"])["upload_url"]?.string ?? ""
        let answer = try await HTTPClient().send(OutboundRequest(.put, url, body: Array("sent".utf8)))
        #expect(answer.status == 200)
        #expect(try await fixture.succeed("read_bucket_file", ["bucket": "files", "key": "up"])["text"] == "sent")
        await fixture.stop()
    }

    @Test func `a bucket goes with its files, once its name is repeated`() async throws {
        let fixture = try EngineFixture()
        _ = try await fixture.succeed("create_bucket", ["bucket": "files"])
        for key in ["a", "b&<c>"] {
            _ = try await fixture.succeed("write_bucket_file", ["bucket": "files", "key": .string(key), "text": "x"])
        }
        #expect(try await fixture.fail("delete_bucket", ["bucket": "files", "confirm_name": "fils"])["fields"] == ["confirm_name"])
        #expect(try await fixture.succeed("delete_bucket", ["bucket": "files", "confirm_name": "files"])["count"] == 2)
        #expect(try await fixture.succeed("list_buckets")["buckets"] == [])
        #expect(try await fixture.fail("list_bucket_files", ["bucket": "files"])["code"] == "not_found")
        await fixture.stop()
    }

    @Test func `files are listed by page`() async throws {
        let fixture = try EngineFixture()
        _ = try await fixture.succeed("create_bucket", ["bucket": "files"])
        for key in 0..<5 {
            _ = try await fixture.succeed("write_bucket_file", ["bucket": "files", "key": .string("k\(key)"), "text": "x"])
        }
        let first = try await fixture.succeed("list_bucket_files", ["bucket": "files", "limit": 3])
        let second = try await fixture.succeed(
            "list_bucket_files", ["bucket": "files", "limit": 3, "cursor": first["next_cursor"] ?? .null])
        #expect(second["files"]?.array?.map { $0["key"] } == ["k3", "k4"] && second["next_cursor"] == .null)
        await fixture.stop()
    }

    @Test func `a task's own results are purged with it, by an administrator only`() async throws {
        let fixture = try EngineFixture()
        let uuid =
            try await fixture.succeed(
                "submit_task", ["name": "t", "profile": "docker-batch", "result_bucket": "purge-out"])["uuid"] ?? .null
        fixture.clock.advance(.seconds(60))
        _ = try await fixture.succeed("write_bucket_file", ["bucket": "purge-out", "key": "other", "text": "stays"])
        let operatorCall = try await fixture.call(
            "delete_task", ["task_uuid": uuid, "purge_results": true], as: EngineFixture.principal("u2", "bob", .operator))
        #expect(operatorCall.structured?["code"] == "forbidden")
        _ = try await fixture.succeed("delete_task", ["task_uuid": uuid, "purge_results": true])
        let left = try await fixture.succeed("list_bucket_files", ["bucket": "purge-out"])
        #expect(left["files"]?.array?.map { $0["key"] } == ["other"])
        await fixture.stop()
    }

    @Test(arguments: [(503, "storage_unavailable", true), (403, "storage_refused", false)])
    func `storage's refusals are mapped`(_ status: Int, _ code: String, _ isRetryable: Bool) async throws {
        let fixture = try EngineFixture()
        _ = await fixture.admin(
            .post, "/faults", ["service": "storage", "path": "/", "status": .int(status), "count": 9])
        let failure = try await fixture.fail("list_buckets")
        #expect(
            failure["code"]?.string == code && failure["retryable"]?.bool == isRetryable && failure["qarnot_status"]?.int == status)
        await fixture.stop()
    }
}
