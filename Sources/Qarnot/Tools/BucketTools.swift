internal import HTTP
internal import MCP
internal import Primitives

/// Tools on the user's storage. Contents up to 1 MiB pass through; larger ones go by presigned URL, straight to storage.
extension QarnotEngine {
    private static let bucket: [(String, JSONValue)] = [("bucket", Schema.bucketName)]
    private static let key: [(String, JSONValue)] = [("key", Schema.string("Key of the file.", minimum: 1, maximum: 1024))]
    private static let largest = 1 << 20
    /// Characters of content in one result: with its other members it stays below `ResultSize.limit`.
    private static let mostText = 90_000

    var listBuckets: Tool {
        let row = Schema.object([
            ("name", Schema.string("Name.")), ("created_at", Schema.nullable("string", "When it was created.")),
        ])
        return tool(
            ToolDefinition(
                "list_buckets", title: "List buckets", description: "Lists the user's storage buckets.", input: Schema.object([]),
                output: Schema.output([("buckets", Schema.array(row, "Buckets."))], required: ["buckets"]), .reading, .read)
        ) { _, session throws(QarnotFailure) in
            let buckets = try await session.buckets()
            return ["buckets": .array(buckets.map { ["name": .string($0.name), "created_at": .string(orNull: $0.created)] })]
        }
    }

    var listBucketFiles: Tool {
        let file = Schema.object([
            ("key", Schema.string("Key.")), ("size", Schema.integer("Bytes.")), ("etag", Schema.nullable("string", "Entity tag.")),
            ("last_modified", Schema.nullable("string", "When it was written.")),
        ])
        return tool(
            ToolDefinition(
                "list_bucket_files", title: "List files", description: "Lists the files of a bucket by key, one page at a time.",
                input: Schema.object(
                    Self.bucket + [
                        ("prefix", Schema.string("Only keys that begin so.", maximum: 1024)),
                        ("limit", Schema.integer("Files a page.", 1...1000, fallback: 100)), ("cursor", SealedCursor.argument),
                    ], required: ["bucket"]),
                output: Schema.output(
                    [
                        ("bucket", Schema.string("The bucket.")), ("files", Schema.array(file, "Files.")),
                        ("next_cursor", SealedCursor.next),
                    ], required: ["bucket", "files", "next_cursor"]),
                .reading, .read)
        ) { arguments, session throws(QarnotFailure) in
            let name = arguments["bucket"]?.string ?? ""
            let cursor = session.cursor(of: "list_bucket_files", arguments)
            let marker = try cursor.open(arguments["cursor"]) ?? ""
            let listing = try await session.bucket(name).page(
                arguments["prefix"]?.string ?? "", after: marker, limit: arguments["limit"]?.int ?? 100, session)
            var (rows, last, room) = ([JSONValue](), "", Self.mostText)
            for file in listing.files {
                let row: JSONValue = [
                    "key": .string(file.key), "size": .int(file.size), "etag": .string(orNull: file.etag),
                    "last_modified": .string(orNull: file.modified),
                ]
                room -= row.serialized.count + 1
                guard room > 0 else { break }
                (last, rows) = (file.key, rows + [row])
            }
            let isWhole = rows.count == listing.files.count
            let next = isWhole ? listing.isTruncated ? listing.next ?? last : nil : last
            return ["bucket": .string(name), "files": .array(rows), "next_cursor": cursor.seal(next)]
        }
    }

    var readBucketFile: Tool {
        tool(
            ToolDefinition(
                "read_bucket_file", title: "Read a file",
                description:
                    "Reads a file of a bucket as text, or as base64 when it is not UTF-8. What does not fit is read on from next_offset, or fetched with download_url, valid for 15 minutes.",
                input: Schema.object(
                    Self.bucket + Self.key + [
                        ("max_bytes", Schema.integer("Most bytes to read.", 1...Self.largest, fallback: 65_536)),
                        ("offset", Schema.integer("Bytes to skip.", 0...(1 << 50), fallback: 0)),
                        ("url_only", Schema.boolean("Give only the download URL.")),
                    ], required: ["bucket", "key"]),
                output: Schema.output(
                    [
                        ("bucket", Schema.string("The bucket.")), ("key", Schema.string("The key.")),
                        ("size", Schema.nullable("integer", "Bytes of the whole file.")),
                        ("content_type", Schema.nullable("string", "Media type.")),
                        ("etag", Schema.nullable("string", "Entity tag.")),
                        ("last_modified", Schema.nullable("string", "When it was written.")),
                        ("text", Schema.string("The content, when it is text.")),
                        ("blob", Schema.string("The content as base64, when it is not.")),
                        ("truncated", Schema.boolean("True when there is more.")),
                        ("next_offset", Schema.nullable("integer", "Where to read on.")),
                        ("download_url", Schema.string("Presigned: whoever holds it may read the file.")),
                    ], required: ["bucket", "key", "truncated", "next_offset", "download_url"]),
                .reading, .read)
        ) { arguments, session throws(QarnotFailure) in
            let (name, key) = (arguments["bucket"]?.string ?? "", arguments["key"]?.string ?? "")
            let offset = arguments["offset"]?.int ?? 0
            let bucket = try await session.bucket(name)
            var out = JSONObject([("bucket", .string(name)), ("key", .string(key))])
            let url = JSONValue.string(bucket.presigned(key, Self.downloadLifetime))
            guard arguments["url_only"]?.bool != true else {
                let rest: [(String, JSONValue)] = [("truncated", true), ("next_offset", .int(offset)), ("download_url", url)]
                for (name, value) in rest { out.append(name, value) }
                return .object(out)
            }
            let part = try await bucket.read(key, from: offset, count: arguments["max_bytes"]?.int ?? 65_536, session)
            let content = FileContent(part.bytes, room: Self.mostText, isWhole: offset + part.bytes.count >= part.size)
            let end = offset + content.count
            let members: [(String, JSONValue)] = [
                ("size", .int(part.size)), ("content_type", .string(orNull: part.contentType)),
                ("etag", .string(orNull: part.etag)), ("last_modified", .string(orNull: part.modified)),
                (content.isText ? "text" : "blob", .string(content.text)), ("truncated", .bool(end < part.size)),
                ("next_offset", end < part.size ? .int(end) : .null), ("download_url", url),
            ]
            for (name, value) in members { out.append(name, value) }
            return .object(out)
        }
    }

    var createBucket: Tool {
        tool(
            ToolDefinition(
                "create_bucket", title: "Create a bucket",
                description: "Creates a storage bucket; one of that name stays as it is.",
                input: Schema.object(Self.bucket, required: ["bucket"]),
                output: Schema.output([("bucket", Schema.string("The bucket."))], required: ["bucket"]), .changing, .execute)
        ) { arguments, session throws(QarnotFailure) in
            let name = arguments["bucket"]?.string ?? ""
            try await session.bucket(name).create(session)
            return ["bucket": .string(name)]
        }
    }

    var writeBucketFile: Tool {
        tool(
            ToolDefinition(
                "write_bucket_file", title: "Write a file",
                description:
                    "Writes a file of up to 1 MiB to a bucket, replacing one of the same key. Without content it gives a URL, valid for 15 minutes, to PUT a larger file to.",
                input: Schema.object(
                    Self.bucket + Self.key + [
                        ("text", Schema.string("The content as text.", maximum: Self.largest)),
                        ("base64", Schema.string("The content as base64, for bytes.", maximum: Self.largest * 4 / 3 + 4)),
                        ("content_type", Schema.string("Media type.", maximum: 255, pattern: "^[A-Za-z0-9!#$&^_.+-]+/[ -~]+$")),
                    ], required: ["bucket", "key"]),
                output: Schema.output(
                    [
                        ("bucket", Schema.string("The bucket.")), ("key", Schema.string("The key.")),
                        ("size", Schema.nullable("integer", "Bytes written; null when nothing was.")),
                        ("etag", Schema.nullable("string", "Entity tag.")),
                        ("upload_url", Schema.nullable("string", "Presigned, when no content came: PUT the file there.")),
                    ], required: ["bucket", "key", "size", "upload_url"]),
                ToolAnnotations(destructive: true, idempotent: true), .execute)
        ) { arguments, session throws(QarnotFailure) in
            let (name, key) = (arguments["bucket"]?.string ?? "", arguments["key"]?.string ?? "")
            let bytes = try Self.content(arguments)
            let bucket = try await session.bucket(name)
            guard let bytes else {
                return [
                    "bucket": .string(name), "key": .string(key), "size": nil, "etag": nil,
                    "upload_url": .string(bucket.presigned(key, Self.downloadLifetime, .put)),
                ]
            }
            let etag = try await bucket.write(key, bytes, contentType: arguments["content_type"]?.string, session)
            return [
                "bucket": .string(name), "key": .string(key), "size": .int(bytes.count), "etag": .string(orNull: etag),
                "upload_url": nil,
            ]
        }
    }

    /// Nil when none came.
    private static func content(_ arguments: JSONObject) throws(QarnotFailure) -> [UInt8]? {
        func refusal(_ text: String, _ field: String) -> QarnotFailure {
            QarnotFailure(.invalidArguments, "Invalid arguments: \(text).", fields: [field])
        }
        let bytes: [UInt8]
        switch (arguments["text"]?.string, arguments["base64"]?.string) {
        case (nil, nil): return nil
        case (.some, .some): throw refusal("base64 cannot be given together with text", "base64")
        case (let text?, nil): bytes = Array(text.utf8)
        case (nil, let encoded?):
            guard let decoded = Base64.decode(encoded, .standard) else { throw refusal("base64 is not base64", "base64") }
            bytes = decoded
        }
        guard bytes.count <= largest else {
            throw refusal("the content is larger than 1 MiB; call without content and PUT it to upload_url", "text")
        }
        return bytes
    }

    var deleteBucketFile: Tool {
        tool(
            ToolDefinition(
                "delete_bucket_file", title: "Delete a file",
                description: "Deletes one file of a bucket. It cannot be brought back.",
                input: Schema.object(Self.bucket + Self.key, required: ["bucket", "key"]), output: Self.deleted, .ending, .execute)
        ) { arguments, session throws(QarnotFailure) in
            try await session.bucket(arguments["bucket"]?.string ?? "").remove(arguments["key"]?.string ?? "", session)
            return ["deleted": true, "count": 1]
        }
    }

    var deleteBucket: Tool {
        tool(
            ToolDefinition(
                "delete_bucket", title: "Delete a bucket",
                description: "Deletes a bucket with every file in it. confirm_name must repeat its name.",
                input: Schema.object(
                    Self.bucket + [("confirm_name", Schema.string("The bucket's name once more."))],
                    required: ["bucket", "confirm_name"]),
                output: Self.deleted, .ending, .admin)
        ) { arguments, session throws(QarnotFailure) in
            let name = arguments["bucket"]?.string ?? ""
            guard arguments["confirm_name"]?.string == name else {
                throw QarnotFailure(
                    .invalidArguments, "Invalid arguments: confirm_name must be the bucket's name.", fields: ["confirm_name"])
            }
            return ["deleted": true, "count": .int(try await session.bucket(name).destroy(session))]
        }
    }

    private static let deleted = Schema.output(
        [("deleted", Schema.boolean("True.")), ("count", Schema.integer("Files deleted."))], required: ["deleted", "count"])
}

/// Bytes of a file in the form that fits a result: text where they are UTF-8, else base64.
struct FileContent {
    let text: String
    let isText: Bool
    /// How many of the bytes it holds.
    let count: Int

    /// - Parameters:
    ///   - room: characters of JSON it may take.
    ///   - isWhole: false when more of the file follows, so that the last character may be incomplete.
    init(_ bytes: [UInt8], room: Int, isWhole: Bool) {
        let complete = isWhole ? bytes.count : Self.wholeCharacters(bytes)
        if let text = String(validating: bytes[..<complete], as: UTF8.self), !bytes[..<complete].contains(0) {
            let count = Self.fitting(bytes[..<complete], room)
            (self.text, isText, self.count) = (
                count == complete ? text : String(decoding: bytes[..<count], as: UTF8.self), true, count
            )
        } else {
            count = min(bytes.count, room / 4 * 3)
            (text, isText) = (Base64.encode(bytes[..<count], .standard), false)
        }
    }

    /// Without an incomplete character at the end.
    private static func wholeCharacters(_ bytes: [UInt8]) -> Int {
        var end = bytes.count
        for back in 1...4 where back <= bytes.count {
            let byte = bytes[bytes.count - back]
            if byte & 0xC0 == 0x80 { continue }
            let length = byte < 0x80 ? 1 : byte < 0xE0 ? 2 : byte < 0xF0 ? 3 : 4
            if length > back { end = bytes.count - back }
            break
        }
        return end
    }

    /// How many bytes fit when written as a JSON string, cut at a whole character.
    private static func fitting(_ bytes: ArraySlice<UInt8>, _ room: Int) -> Int {
        var used = 0
        for (index, byte) in bytes.enumerated() {
            used += byte < 0x20 ? (byte == 0x0A || byte == 0x0D || byte == 0x09 ? 2 : 6) : byte == 0x22 || byte == 0x5C ? 2 : 1
            guard used > room else { continue }
            var end = index
            while end > 0, bytes[bytes.startIndex + end] & 0xC0 == 0x80 { end -= 1 }
            return end
        }
        return bytes.count
    }
}
