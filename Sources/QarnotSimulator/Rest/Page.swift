internal import HTTP
internal import Primitives

/// One row of a listing.
struct PageEntry: Sendable {
    /// Where the object is in its array.
    let place: Int
    /// Rising with creation; never reused.
    let sequence: Int
    /// What filters look at.
    let json: JSONObject
}

/// One page of a listing (qarnot-api.md §8).
struct Page {
    let json: JSONValue

    private static let defaultSize = 100
    private static let maximumSize = 1000

    /// - Parameter showing: what to send of a row; the whole row by default.
    init(_ request: LooseJSON, of entries: [PageEntry], showing: ((Int) -> JSONObject)? = nil) throws(Refusal) {
        let filter = try request["filter"].map { json throws(Refusal) in try Filter(json, depth: 0) }
        let order = Order(request)
        var rows = entries.filter { filter?.matches($0.json) ?? true }
        rows.sort { order.precedes($0, $1) }
        let token = request.text("token")
        let start = try Self.start(after: token, in: rows, order)
        let size = min(Self.maximumSize, max(1, request["maximumResults"]?.value.int ?? Self.defaultSize))
        let page = rows[start...].prefix(size)
        let isTruncated = page.endIndex < rows.endIndex
        let next = isTruncated ? page.last.map { order.token(for: $0, index: page.endIndex) } : nil
        json = [
            "token": .string(orNull: token), "nextToken": .string(orNull: next), "isTruncated": .bool(isTruncated),
            "count": .int(page.count), "total": .int(rows.count),
            "data": .array(page.map { .object(showing?($0.place) ?? $0.json) }),
        ]
    }

    /// `POST …/search`: no paging, a choice of members.
    static func search(_ request: LooseJSON, in entries: [PageEntry]) throws(Refusal) -> JSONValue {
        let filter = try request["filter"].map { json throws(Refusal) in try Filter(json, depth: 0) }
        let limit = max(0, request["maximumResults"]?.value.int ?? maximumSize)
        let wanted = request["select"]?["fields"]?.elements?.compactMap { $0.value.string?.lowercased() }
        let rows = entries.filter { filter?.matches($0.json) ?? true }.prefix(limit)
        return .array(
            rows.map { row in
                guard let wanted, !wanted.isEmpty else { return .object(row.json) }
                return .object(
                    JSONObject(row.json.members.filter { wanted.contains($0.key.lowercased()) }.map { ($0.key, $0.value) }))
            })
    }

    private static func start(after token: String?, in rows: [PageEntry], _ order: Order) throws(Refusal) -> Int {
        guard let token else { return 0 }
        guard let number = Int(token), number >= 0 else { throw Refusal(.badRequest, "Invalid token") }
        return order.start(token: number, rows)
    }

    /// The order of a listing. By creation, pages continue after the last row seen, so that rows created or deleted
    /// meanwhile cause neither overlap nor gap; by anything else, at an offset.
    private struct Order {
        let field: String
        let isDescending: Bool

        init(_ request: LooseJSON) {
            field = request.text("orderBy") ?? "creationDate"
            isDescending = request.text("orderType")?.uppercased() == "DESC"
        }

        private var isByCreation: Bool { field.lowercased() == "creationdate" }

        func precedes(_ a: PageEntry, _ b: PageEntry) -> Bool {
            if !isByCreation, let left = Filter.member(field, of: a.json), let right = Filter.member(field, of: b.json),
                let order = Filter.compare(left, right), order != 0
            {
                return isDescending ? order > 0 : order < 0
            }
            return isDescending ? a.sequence > b.sequence : a.sequence < b.sequence
        }

        func token(for last: PageEntry, index: Int) -> String { isByCreation ? String(last.sequence) : String(index) }

        func start(token: Int, _ rows: [PageEntry]) -> Int {
            guard isByCreation else { return min(token, rows.count) }
            return rows.firstIndex { isDescending ? $0.sequence < token : $0.sequence > token } ?? rows.count
        }
    }
}

/// A filter tree of a listing.
indirect enum Filter {
    case and([Filter])
    case or([Filter])
    case leaf(Operator, field: String, values: [JSONValue])

    enum Operator: String {
        case equal, notequal, lessthan, lessthanorequal, greaterthan, greaterthanorequal, like, `in`, notin
    }

    private static let maximumDepth = 16

    init(_ json: LooseJSON, depth: Int) throws(Refusal) {
        guard depth < Self.maximumDepth, let name = json.text("operator")?.lowercased() else {
            throw Refusal(.badRequest, "Invalid filter")
        }
        if name == "and" || name == "or" {
            var parts: [Filter] = []
            for part in json["filters"]?.elements ?? [] { parts.append(try Filter(part, depth: depth + 1)) }
            self = name == "and" ? .and(parts) : .or(parts)
            return
        }
        guard let op = Operator(rawValue: name), let field = json.text("field") else {
            throw Refusal(.badRequest, "Invalid filter")
        }
        let one = json["value"]?.value
        let values = json["values"]?.value.array ?? one?.array ?? one.map { [$0] }
        guard let values else { throw Refusal(.badRequest, "Invalid filter") }
        self = .leaf(op, field: field, values: values)
    }

    func matches(_ object: JSONObject) -> Bool {
        switch self {
        case .and(let parts): return parts.allSatisfy { $0.matches(object) }
        case .or(let parts): return parts.isEmpty || parts.contains { $0.matches(object) }
        case .leaf(let op, let field, let values):
            let member = Self.member(field, of: object) ?? .null
            let candidates = member.array ?? [member]
            if op == .notequal || op == .notin {
                return !candidates.contains { candidate in values.contains { Self.compare(candidate, $0) == 0 } }
            }
            return candidates.contains { candidate in values.contains { Self.holds(op, candidate, $0) } }
        }
    }

    /// A member by its name in any case.
    static func member(_ name: String, of object: JSONObject) -> JSONValue? { LooseJSON(.object(object))[name]?.value }

    private static func holds(_ op: Operator, _ left: JSONValue, _ right: JSONValue) -> Bool {
        if op == .like {
            guard let text = left.string?.lowercased(), let pattern = right.string?.lowercased() else { return false }
            return isLike(Array(text), pattern)
        }
        guard let order = compare(left, right) else { return false }
        return switch op {
        case .equal, .in: order == 0
        case .lessthan: order < 0
        case .lessthanorequal: order <= 0
        case .greaterthan: order > 0
        case .greaterthanorequal: order >= 0
        case .notequal, .notin, .like: false
        }
    }

    /// Below, at or above zero; nil for what cannot be compared. Dates compare as text, being all of one form.
    static func compare(_ left: JSONValue, _ right: JSONValue) -> Int? {
        if let a = left.double, let b = right.double { return a < b ? -1 : a > b ? 1 : 0 }
        if let a = left.string, let b = right.string { return a < b ? -1 : a > b ? 1 : 0 }
        return left == right ? 0 : nil
    }

    /// `%` and `*` stand for any text; a pattern without either is looked for anywhere.
    private static func isLike(_ text: [Character], _ pattern: String) -> Bool {
        let parts = pattern.split(omittingEmptySubsequences: false) { $0 == "%" || $0 == "*" }.map(Array.init)
        guard parts.count > 1 else { return find(parts[0], in: text[...]) != nil }
        guard text.starts(with: parts[0]) else { return false }
        var rest = text[parts[0].count...]
        for part in parts.dropFirst().dropLast() {
            guard let end = find(part, in: rest) else { return false }
            rest = rest[end...]
        }
        let last = parts[parts.count - 1]
        return rest.count >= last.count && rest.suffix(last.count).elementsEqual(last)
    }

    /// Where the first occurrence ends.
    private static func find(_ part: [Character], in text: ArraySlice<Character>) -> Int? {
        guard part.count <= text.count else { return nil }
        for start in text.startIndex...(text.endIndex - part.count) where text[start..<start + part.count].elementsEqual(part) {
            return start + part.count
        }
        return nil
    }
}
