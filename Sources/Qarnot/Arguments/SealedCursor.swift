internal import Crypto
internal import MCP
internal import Primitives

/// What a listing hands out as `next_cursor`: Qarnot's own place, sealed for one user, one tool and one choice of filters, so
/// that it can be neither read nor forged nor carried elsewhere.
struct SealedCursor: Sendable {
    let key: Secret
    /// Who and what the cursor is good for.
    let binding: [UInt8]

    /// - Parameter filters: the arguments that choose what is listed; a cursor of other filters is refused.
    init(key: Secret, user: UserID?, tool: String, filters: JSONValue) {
        self.key = key
        binding = SHA256.digest(Array("\(user?.text ?? "")\n\(tool)\n".utf8) + filters.canonical)
    }

    /// Nil for the last page.
    func seal(_ place: String?) -> JSONValue {
        guard let place, let box = try? AES256GCM.seal(Array(place.utf8), key: key, authenticating: binding) else { return .null }
        return .string(Base64.encode(box))
    }

    /// Nil when no cursor was given.
    func open(_ argument: JSONValue?) throws(QarnotFailure) -> String? {
        guard let text = argument?.string else { return nil }
        do throws(CryptoError) {
            guard let box = Base64.decode(text) else { throw CryptoError(.malformed) }
            return String(decoding: try AES256GCM.open(box, key: key, authenticating: binding), as: UTF8.self)
        } catch {
            throw QarnotFailure(
                .invalidArguments,
                "Invalid arguments: cursor is not one this listing gave for these filters. Start again without it.",
                fields: ["cursor"])
        }
    }

    static let argument = Schema.string(
        "`next_cursor` of the page before, with the same filters.", minimum: 1, maximum: 4096)
    static let next = Schema.nullable("string", "Give it as `cursor` for the next page; null on the last.")
}

extension QarnotSession {
    /// The cursor of a listing whose arguments beside `cursor` and `limit` are its filters.
    func cursor(of tool: String, _ arguments: JSONObject) -> SealedCursor {
        let filters = JSONObject(
            arguments.members.filter { $0.key != "cursor" && $0.key != "limit" }.map { ($0.key, $0.value) })
        return SealedCursor(
            key: engine.cursorKey, user: context.caller?.userID, tool: tool, filters: .object(filters))
    }

    /// One page of a listing that pages by token. A page too large for a result is asked for again, smaller, so that nothing
    /// falls between two pages.
    func page(
        of tool: String, _ path: [String], _ arguments: JSONObject, filter: JSONValue?, row: (JSONValue) -> JSONValue
    ) async throws(QarnotFailure) -> (rows: [JSONValue], next: JSONValue) {
        let cursor = cursor(of: tool, arguments)
        let token = try cursor.open(arguments["cursor"])
        var limit = arguments["limit"]?.int ?? 50
        while true {
            let page = try await query(
                path,
                [
                    "filter": filter ?? .null, "token": .string(orNull: token), "maximumResults": .int(limit),
                    "orderBy": "creationDate", "orderType": "DESC",
                ])
            let rows = (page["data"]?.array ?? []).map(row)
            if limit > 1, JSONValue.array(rows).serialized.count > ResultSize.limit - 8000 {
                limit /= 2
                continue
            }
            let isTruncated = page["isTruncated"]?.bool ?? false
            return (rows, cursor.seal(isTruncated ? page["nextToken"]?.string : nil))
        }
    }
}
