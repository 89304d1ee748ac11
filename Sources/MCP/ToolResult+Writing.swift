internal import Primitives

extension ByteWriter {
    /// Appends the result object of `tools/call`, straight from its parts: this is on the path of every call.
    /// - Parameter meta: the serialized `_meta` that 2026-07-28 wants; nil before.
    mutating func append(_ result: ToolResult, meta: [UInt8]?) {
        // Needed twice when the text repeats it: written once, copied once.
        var structured = ByteWriter(capacity: 480)
        if let bytes = result.serialized { structured.append(bytes) }
        if let value = result.structured { structured.append(json: value) }
        append("{\"content\":[")
        var isFirst = true
        for block in result.content {
            if !isFirst { append(UInt8(ascii: ",")) }
            isFirst = false
            append(block, structured)
        }
        append(UInt8(ascii: "]"))
        if structured.count > 0 {
            append(",\"structuredContent\":")
            append(structured)
        }
        if result.isError { append(",\"isError\":true") }
        if let meta {
            append(",\"resultType\":\"complete\",\"_meta\":")
            append(meta)
        }
        append(UInt8(ascii: "}"))
    }

    private mutating func append(_ block: Content, _ structured: borrowing ByteWriter) {
        switch block {
        case .text(let text):
            append("{\"type\":\"text\",\"text\":")
            append(jsonString: text)
            append(UInt8(ascii: "}"))
        case .structured:
            append("{\"type\":\"text\",\"text\":")
            append(jsonStringOf: structured)
            append(UInt8(ascii: "}"))
        case .other(let value): append(json: value)
        }
    }
}
