internal import Primitives

/// What a search looks for in a block of records before it reads them: one hash for each value that has to occur.
enum SearchTerms {
    /// Of one record, as it goes into the index.
    static func of(_ record: JSONView) -> [UInt32] {
        var terms: [UInt32] = []
        func add(_ kind: UInt8, _ text: String?) { if let text { terms.append(hash(kind, text)) } }
        add(UInt8(ascii: "e"), record["event"]?.string)
        add(UInt8(ascii: "o"), record["outcome"]?.string)
        add(UInt8(ascii: "u"), record["actor"]?.string)
        add(UInt8(ascii: "u"), record["subject"]?.string)
        add(UInt8(ascii: "r"), record["request_id"]?.string)
        add(UInt8(ascii: "f"), record["flow"]?.string)
        return terms
    }

    /// Of a filter: all of them occur in a block that holds a match.
    static func of(_ filter: AuditFilter) -> [UInt32] {
        var terms: [UInt32] = []
        func add(_ kind: UInt8, _ text: String?) { if let text { terms.append(hash(kind, text)) } }
        if let event = filter.event, !event.hasSuffix("*") { add(UInt8(ascii: "e"), event) }
        add(UInt8(ascii: "o"), filter.outcome)
        add(UInt8(ascii: "u"), filter.user)
        add(UInt8(ascii: "r"), filter.requestID)
        add(UInt8(ascii: "f"), filter.flow)
        return terms
    }

    /// FNV-1a: a collision costs the reading of one block.
    private static func hash(_ kind: UInt8, _ text: String) -> UInt32 {
        var hash: UInt32 = 0x811C_9DC5
        hash = (hash ^ UInt32(kind)) &* 0x0100_0193
        for byte in text.utf8 { hash = (hash ^ UInt32(byte)) &* 0x0100_0193 }
        return hash
    }
}
