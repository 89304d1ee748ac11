internal import Glibc
package import Primitives

/// The header section of a message: one byte buffer and an offset table, names in lower case, order and repeats kept.
/// `removeAll` keeps the capacity, so a connection reuses one value for all of its requests without allocating.
package struct Fields: Sendable {
    struct Entry: Sendable {
        var nameStart: UInt32
        var nameLength: UInt16
        var valueStart: UInt32
        var valueLength: UInt32
    }

    var bytes: [UInt8] = []
    var entries: [Entry] = []

    package init() {}

    /// Count of field lines.
    package var count: Int { entries.count }

    package mutating func removeAll() {
        bytes.removeAll(keepingCapacity: true)
        entries.removeAll(keepingCapacity: true)
    }

    /// Appends a field line. The caller has checked name and value: the name is a token, the value has no control bytes.
    package mutating func append(name: some Collection<UInt8>, value: some Collection<UInt8>) {
        let nameStart = bytes.count
        for byte in name { bytes.append(byte >= 0x41 && byte <= 0x5A ? byte | 0x20 : byte) }
        let valueStart = bytes.count
        bytes.append(contentsOf: value)
        entries.append(
            Entry(
                nameStart: UInt32(nameStart), nameLength: UInt16(valueStart - nameStart), valueStart: UInt32(valueStart),
                valueLength: UInt32(bytes.count - valueStart)))
    }

    /// Appends a field line whose value was checked.
    mutating func append(_ name: FieldName, value: Span<UInt8>) {
        unsafe append(
            name: UnsafeBufferPointer(start: name.literal.utf8Start, count: name.literal.utf8CodeUnitCount).span, value: value)
    }

    /// Appends a field line whose name is in lower case, checked like the value.
    mutating func append(name: Span<UInt8>, value: Span<UInt8>) {
        makeRoom()
        let nameStart = bytes.count
        unsafe name.withUnsafeBufferPointer { unsafe bytes.append(contentsOf: $0) }
        unsafe value.withUnsafeBufferPointer { unsafe bytes.append(contentsOf: $0) }
        entries.append(
            Entry(
                nameStart: UInt32(nameStart), nameLength: UInt16(truncatingIfNeeded: name.count),
                valueStart: UInt32(nameStart + name.count), valueLength: UInt32(value.count)))
    }

    /// Appends a field line whose value is text of our own making. Bytes that may not stand in a field value become spaces,
    /// so that no value can end the line (response splitting).
    package mutating func append(_ name: FieldName, _ value: String) {
        makeRoom()
        let nameStart = bytes.count
        bytes.append(name.literal)
        let valueStart = bytes.count
        for byte in value.utf8 { bytes.append(byte >= 0x20 && byte != 0x7F || byte == 0x09 ? byte : 0x20) }
        entries.append(
            Entry(
                nameStart: UInt32(nameStart), nameLength: UInt16(valueStart - nameStart), valueStart: UInt32(valueStart),
                valueLength: UInt32(bytes.count - valueStart)))
    }

    /// Appends a field line whose value was built from literals and numbers.
    package mutating func append(_ name: FieldName, bytes value: borrowing ByteWriter) {
        makeRoom()
        let nameStart = bytes.count
        bytes.append(name.literal)
        let valueStart = bytes.count
        value.withBytes { value in unsafe value.withUnsafeBufferPointer { unsafe bytes.append(contentsOf: $0) } }
        entries.append(
            Entry(
                nameStart: UInt32(nameStart), nameLength: UInt16(valueStart - nameStart), valueStart: UInt32(valueStart),
                valueLength: UInt32(value.count)))
    }

    /// Most sections have a few short lines: room for them at once, instead of by doubling.
    private mutating func makeRoom() {
        guard entries.isEmpty else { return }
        entries.reserveCapacity(6)
        bytes.reserveCapacity(192)
    }

    /// Replaces every line of that name by one.
    package mutating func set(_ name: FieldName, _ value: String) {
        remove(name)
        append(name, value)
    }

    /// Removes every line of that name.
    package mutating func remove(_ name: FieldName) {
        if contains(name) { entries = entries.filter { !matches($0, name) } }
    }

    package func contains(_ name: FieldName) -> Bool { place(of: name) != nil }

    /// How many lines have that name.
    package func count(of name: FieldName) -> Int {
        var count = 0
        var start = 0
        while let found = place(of: name, from: start) {
            count += 1
            start = found + 1
        }
        return count
    }

    /// The value of the first line of that name.
    package subscript(name: FieldName) -> String? {
        place(of: name).map { text(entries[$0]) }
    }

    /// The value of the only line of that name; nil when there is none or more than one.
    package func single(_ name: FieldName) -> String? { count(of: name) == 1 ? self[name] : nil }

    /// True when the first value of that name is exactly these bytes; makes no `String`.
    package func hasValue(_ name: FieldName, _ text: String) -> Bool {
        place(of: name).map { hasValue(at: $0, text) } ?? false
    }

    private func hasValue(at place: Int, _ text: String) -> Bool {
        let entry = entries[place]
        guard Int(entry.valueLength) == text.utf8.count else { return false }
        return unsafe text.withBytes { text in
            guard let other = text.baseAddress else { return true }
            let start = Int(entry.valueStart)
            return unsafe bytes.withUnsafeBufferPointer {
                unsafe memcmp($0.baseAddress.unsafelyUnwrapped + start, other, text.count)
            } == 0
        }
    }

    /// True when there is one line of that name, and its value is exactly these bytes.
    package func isOnly(_ name: FieldName, _ text: String) -> Bool {
        guard let first = place(of: name) else { return false }
        return hasValue(at: first, text) && place(of: name, from: first + 1) == nil
    }

    /// Appends lines that were checked before, as they are.
    package mutating func append(contentsOf other: Fields) {
        let shift = UInt32(bytes.count)
        entries.reserveCapacity(entries.count + other.entries.count)
        bytes.append(contentsOf: other.bytes)
        for entry in other.entries {
            var moved = entry
            moved.nameStart += shift
            moved.valueStart += shift
            entries.append(moved)
        }
    }

    /// Every value of that name, in order.
    package func all(_ name: FieldName) -> [String] { entries.filter { matches($0, name) }.map { text($0) } }

    /// Reads the first value of that name without making a `String`. Nil when absent.
    package func withValue<R>(of name: FieldName, _ body: (ArraySlice<UInt8>) -> R) -> R? {
        guard let place = place(of: name) else { return nil }
        let entry = entries[place]
        return body(bytes[Int(entry.valueStart)..<Int(entry.valueStart + entry.valueLength)])
    }

    /// Every line, names in lower case.
    package var lines: [(name: String, value: String)] {
        entries.map { entry in
            let start = Int(entry.nameStart)
            return (String(decoding: bytes[start..<start + Int(entry.nameLength)], as: UTF8.self), text(entry))
        }
    }

    private func text(_ entry: Entry) -> String {
        let range = Int(entry.valueStart)..<Int(entry.valueStart + entry.valueLength)
        return String(decoding: bytes[range], as: UTF8.self)
    }

    /// The index of the first line of that name, from `start` on. One look at the storage: a request asks for many names.
    private func place(of name: FieldName, from start: Int = 0) -> Int? {
        let length = UInt16(truncatingIfNeeded: name.literal.utf8CodeUnitCount)
        return unsafe entries.withUnsafeBufferPointer { entries in
            unsafe bytes.withUnsafeBufferPointer { bytes in
                for index in start..<max(start, entries.count) where unsafe entries[index].nameLength == length {
                    let name = unsafe memcmp(
                        bytes.baseAddress.unsafelyUnwrapped + Int(entries[index].nameStart), name.literal.utf8Start, Int(length))
                    if name == 0 { return index }
                }
                return nil
            }
        }
    }

    func matches(_ entry: Entry, _ name: FieldName) -> Bool {
        let count = name.literal.utf8CodeUnitCount
        guard Int(entry.nameLength) == count else { return false }
        for offset in 0..<count where unsafe bytes[Int(entry.nameStart) + offset] != name.literal.utf8Start[offset] {
            return false
        }
        return true
    }
}

extension Fields: ExpressibleByArrayLiteral {
    package typealias ArrayLiteralElement = (FieldName, String)

    package init(arrayLiteral elements: (FieldName, String)...) {
        self.init()
        for (name, value) in elements { append(name, value) }
    }
}
