internal import CYaml

/// A YAML document as a tree that remembers where each value stands, for error messages.
struct YAMLNode: Sendable {
    indirect enum Value: Sendable {
        /// `isPlain` is false for quoted scalars, which are always text.
        case scalar(String, isPlain: Bool)
        case sequence([YAMLNode])
        case mapping([(key: String, line: Int, value: YAMLNode)])
    }

    let value: Value
    /// Counted from 1.
    let line: Int

    /// Why a text is no configuration: syntax, a repeated key, an alias, too deep.
    struct Problem: Error, Sendable {
        let message: String
        let line: Int
    }

    /// Parses one document. An empty text is an empty mapping.
    init(parsing text: String) throws(Problem) {
        var reader = YAMLReader(text)
        self = try reader.document()
    }

    init(value: Value, line: Int) {
        self.value = value
        self.line = line
    }
}

/// Drives libyaml's event parser.
@safe private struct YAMLReader: ~Copyable {
    private let parser = UnsafeMutablePointer<yaml_parser_t>.allocate(capacity: 1)
    private let input: UnsafeMutablePointer<UInt8>

    init(_ text: String) {
        let bytes = Array(text.utf8)
        unsafe input = UnsafeMutablePointer<UInt8>.allocate(capacity: max(1, bytes.count))
        unsafe input.initialize(from: bytes, count: bytes.count)
        unsafe yaml_parser_initialize(parser)
        unsafe yaml_parser_set_input_string(parser, input, bytes.count)
    }

    deinit {
        unsafe yaml_parser_delete(parser)
        unsafe parser.deallocate()
        unsafe input.deallocate()
    }

    mutating func document() throws(YAMLNode.Problem) -> YAMLNode {
        while true {
            let event = try next()
            switch event.kind {
            case YAML_STREAM_START_EVENT, YAML_DOCUMENT_START_EVENT: continue
            case YAML_STREAM_END_EVENT: return YAMLNode(value: .mapping([]), line: 1)
            default:
                let root = try node(event, depth: 0)
                try expectEnd()
                return root
            }
        }
    }

    /// What follows the document would be read by people and not by us.
    private mutating func expectEnd() throws(YAMLNode.Problem) {
        while true {
            let event = try next()
            switch event.kind {
            case YAML_DOCUMENT_END_EVENT: continue
            case YAML_STREAM_END_EVENT: return
            default: throw YAMLNode.Problem(message: "a file holds one document", line: event.line)
            }
        }
    }

    private struct Event {
        let kind: yaml_event_type_t
        let text: String
        let isPlain: Bool
        let line: Int
        /// An anchor or a tag stands before the value.
        let isMarked: Bool
    }

    private mutating func next() throws(YAMLNode.Problem) -> Event {
        var event = unsafe yaml_event_t()
        guard unsafe yaml_parser_parse(parser, &event) == 1 else {
            let problem = unsafe parser.pointee.problem.map { unsafe String(cString: $0) } ?? "the text is no YAML"
            throw YAMLNode.Problem(message: problem, line: Int(unsafe parser.pointee.problem_mark.line) + 1)
        }
        defer { unsafe yaml_event_delete(&event) }
        var text = ""
        var isPlain = true
        var isMarked = false
        switch unsafe event.type {
        case YAML_SCALAR_EVENT:
            let scalar = unsafe event.data.scalar
            text = unsafe String(decoding: UnsafeBufferPointer(start: scalar.value, count: scalar.length), as: UTF8.self)
            isPlain = unsafe scalar.style == YAML_PLAIN_SCALAR_STYLE
            isMarked = unsafe scalar.anchor != nil || scalar.tag != nil
        case YAML_SEQUENCE_START_EVENT:
            isMarked = unsafe event.data.sequence_start.anchor != nil || event.data.sequence_start.tag != nil
        case YAML_MAPPING_START_EVENT:
            isMarked = unsafe event.data.mapping_start.anchor != nil || event.data.mapping_start.tag != nil
        default: break
        }
        return Event(
            kind: unsafe event.type, text: text, isPlain: isPlain, line: Int(unsafe event.start_mark.line) + 1, isMarked: isMarked)
    }

    private mutating func node(_ event: Event, depth: Int) throws(YAMLNode.Problem) -> YAMLNode {
        guard depth < 16 else { throw YAMLNode.Problem(message: "nested too deep", line: event.line) }
        guard !event.isMarked else { throw YAMLNode.Problem(message: "anchors and tags are not used here", line: event.line) }
        switch event.kind {
        case YAML_SCALAR_EVENT: return YAMLNode(value: .scalar(event.text, isPlain: event.isPlain), line: event.line)
        case YAML_SEQUENCE_START_EVENT:
            var elements: [YAMLNode] = []
            while true {
                let element = try next()
                if element.kind == YAML_SEQUENCE_END_EVENT { return YAMLNode(value: .sequence(elements), line: event.line) }
                elements.append(try node(element, depth: depth + 1))
            }
        case YAML_MAPPING_START_EVENT:
            var members: [(key: String, line: Int, value: YAMLNode)] = []
            while true {
                let key = try next()
                if key.kind == YAML_MAPPING_END_EVENT { return YAMLNode(value: .mapping(members), line: event.line) }
                guard key.kind == YAML_SCALAR_EVENT else { throw YAMLNode.Problem(message: "a key must be a word", line: key.line) }
                guard !members.contains(where: { $0.key == key.text }) else {
                    throw YAMLNode.Problem(message: "the key \"\(key.text)\" stands twice", line: key.line)
                }
                members.append((key.text, key.line, try node(next(), depth: depth + 1)))
            }
        default: throw YAMLNode.Problem(message: "aliases are not used here", line: event.line)
        }
    }
}
