import HTTP

/// What must hold for every input, however hostile. Shared by the fuzzer and the tests that replay its corpus.
enum RequestProperties {
    /// Names the first rule the parser breaks on that input; nil when it keeps all.
    static func violation(by input: [UInt8]) -> String? {
        let whole = outcome(of: input, pieces: [input.count])
        if outcome(of: input, pieces: Array(repeating: 1, count: input.count)) != whole {
            return "the outcome depends on how the bytes were split"
        }
        let middle = input.count / 2
        if outcome(of: input, pieces: [middle, input.count - middle]) != whole {
            return "a split in the middle changed the outcome"
        }
        guard case .requests(let requests) = whole else { return nil }
        for request in requests {
            if let rule = brokenRule(request) { return rule }
        }
        return nil
    }

    private enum Outcome: Equatable {
        case requests([Parsed])
        case refused(RequestRefusal, after: [Parsed])
    }

    private struct Parsed: Equatable {
        let method: Method
        let path: String
        let query: String?
        let lines: [String]
        let body: [UInt8]
        let persists: Bool
    }

    private static func outcome(of input: [UInt8], pieces: [Int]) -> Outcome {
        var machine = ServerConnection()
        var requests: [Parsed] = []
        var buffered: [UInt8] = []
        var start = 0
        for piece in pieces {
            buffered += input[start..<start + piece]
            start += piece
            do throws(RequestRefusal) {
                while try advance(&machine, &buffered, &requests) {}
                if requests.last?.persists == false { break }  // the connection is closed
            } catch {
                return .refused(error, after: requests)
            }
        }
        return .requests(requests)
    }

    /// True when there is more to do with what is buffered.
    private static func advance(
        _ machine: inout ServerConnection, _ buffered: inout [UInt8], _ requests: inout [Parsed]
    ) throws(RequestRefusal) -> Bool {
        let (step, consumed) = try machine.advance(buffered.span)
        buffered.removeFirst(consumed)
        switch step {
        case .judge:
            _ = try machine.acceptBody(limit: 1 << 16)
            return true
        case .respond:
            let request = machine.request
            requests.append(
                Parsed(
                    method: request.method, path: request.path, query: request.query,
                    lines: request.fields.lines.map { $0.name + ":" + $0.value }, body: request.body,
                    persists: machine.head.persists))
            return machine.finish(keepsOpen: true) == .readNext
        case .awaitRequest, .awaitHead, .awaitBody: return false
        }
    }

    private static func brokenRule(_ request: Parsed) -> String? {
        let path = Array(request.path.utf8)
        guard path.first == UInt8(ascii: "/") || request.path == "*" else { return "a path does not begin with a slash" }
        let decoded = decode(path)
        if decoded.contains(0) || decoded.contains(UInt8(ascii: "\\")) || decoded.contains(UInt8(ascii: ";")) {
            return "a path decodes to a byte that has another meaning elsewhere"
        }
        let segments = decoded.dropFirst().split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
        if segments.dropLast().contains(where: \.isEmpty) { return "a path has an empty segment" }
        if segments.contains(where: { $0.elementsEqual(".".utf8) || $0.elementsEqual("..".utf8) }) {
            return "a path has a dot segment"
        }
        for line in request.lines {
            if line.utf8.contains(where: { $0 < 0x20 && $0 != 0x09 || $0 == 0x7F }) { return "a field holds a control byte" }
            // By bytes: a combining mark after the colon would hide it from a search by characters.
            let name = line.utf8.prefix { $0 != UInt8(ascii: ":") }
            if name.isEmpty || name.contains(where: { $0 == UInt8(ascii: "_") || $0 == UInt8(ascii: ".") }) {
                return "a field name is empty or has a second spelling"
            }
        }
        func count(_ prefix: String) -> Int { request.lines.count { $0.utf8.starts(with: prefix.utf8) } }
        if count("host:") != 1 { return "a request has not exactly one host" }
        if count("transfer-encoding:") + count("connection:") > 0 {
            return "a field of this hop reached the responder"
        }
        return request.body.count > 1 << 16 ? "a body is longer than its limit" : nil
    }

    private static func decode(_ path: [UInt8]) -> [UInt8] {
        var out: [UInt8] = []
        var index = 0
        while index < path.count {
            if path[index] == UInt8(ascii: "%"), index + 2 < path.count,
                let value = UInt8(String(decoding: path[index + 1...index + 2], as: UTF8.self), radix: 16)
            {
                out.append(value)
                index += 3
            } else {
                out.append(path[index])
                index += 1
            }
        }
        return out
    }
}
