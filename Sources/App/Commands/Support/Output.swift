import Glibc
import Primitives

/// Where a command's answer goes: a table for people at a terminal, plain lines in a pipe, JSON for scripts.
struct Output: Sendable {
    let isJSON: Bool
    private let isTerminal: Bool

    init(isJSON: Bool, isTerminal: Bool = isatty(STDOUT_FILENO) == 1) {
        self.isJSON = isJSON
        self.isTerminal = isTerminal
    }

    /// One object; people see `text`.
    func object(_ value: JSONValue, text: String) { line(isJSON ? value.text : text) }

    /// A list. `columns` are members of the objects, shown in this order to people.
    func list(_ objects: [JSONValue], columns: [(title: String, member: String)], empty: String) {
        guard !objects.isEmpty else { return note(empty) }
        lines(objects, columns: columns).forEach { line($0) }
    }

    /// The lines `list` prints.
    func lines(_ objects: [JSONValue], columns: [(title: String, member: String)]) -> [String] {
        if isJSON { return objects.map(\.text) }
        let rows = objects.map { object in columns.map { Self.cell(object[$0.member]) } }
        guard isTerminal else { return rows.map { $0.joined(separator: "\t") } }
        let widths = columns.indices.map { index in max(columns[index].title.count, rows.map { $0[index].count }.max() ?? 0) }
        return [Self.row(columns.map { $0.title.uppercased() }, widths)] + rows.map { Self.row($0, widths) }
    }

    /// Something people want to know and scripts do not: standard error, never mixed into the answer.
    func note(_ text: String) {
        guard !isJSON else { return }
        Self.write(text + "\n", to: STDERR_FILENO)
    }

    func line(_ text: String) { Self.write(text + "\n", to: STDOUT_FILENO) }

    static func error(_ message: String) { write("gatehouse: \(message)\n", to: STDERR_FILENO) }

    private static func cell(_ value: JSONValue?) -> String {
        switch value {
        case nil, .null: "-"
        case .string(let text): text.isEmpty ? "-" : printable(text)
        case .array(let elements): elements.isEmpty ? "-" : elements.map { cell($0) }.joined(separator: " ")
        case let other?: other.text
        }
    }

    /// Names come from strangers: nothing in them may steer a terminal, turn the direction of text or look like a cell's end.
    static func printable(_ text: String) -> String {
        var out = String.UnicodeScalarView()
        for scalar in text.unicodeScalars {
            switch scalar.properties.generalCategory {
            case .control, .format, .lineSeparator, .paragraphSeparator: out.append("\u{FFFD}")
            default: out.append(scalar)
            }
        }
        return String(out)
    }

    private static func row(_ cells: [String], _ widths: [Int]) -> String {
        var text = ""
        for (index, cell) in cells.enumerated() {
            text += cell
            if index < cells.count - 1 { text += String(repeating: " ", count: widths[index] - cell.count + 2) }
        }
        return text
    }

    private static func write(_ text: String, to descriptor: CInt) {
        var bytes = Array(text.utf8)[...]
        while !bytes.isEmpty {
            let count = unsafe Array(bytes).withUnsafeBytes { unsafe Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return }  // the reader of a pipe left: nothing to tell it
            bytes = bytes.dropFirst(count)
        }
    }
}
