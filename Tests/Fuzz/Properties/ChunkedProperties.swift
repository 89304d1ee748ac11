import HTTP

/// The chunked coding: however it is split it means the same, and a body stays within its limit.
enum ChunkedProperties {
    private static let limit = 4096

    static func violation(by input: [UInt8]) -> String? {
        let whole = outcome(of: input, piece: max(1, input.count))
        if outcome(of: input, piece: 1) != whole { return "the outcome depends on how the bytes were split" }
        if outcome(of: input, piece: 7) != whole { return "pieces of seven bytes changed the outcome" }
        guard case .body(let body, _) = whole else { return nil }
        return body.count > limit ? "a body is longer than its limit" : nil
    }

    private enum Outcome: Equatable {
        case body([UInt8], isDone: Bool)
        case refused(RequestRefusal)
    }

    private static func outcome(of input: [UInt8], piece: Int) -> Outcome {
        var decoder = ChunkedDecoder()
        var body: [UInt8] = []
        var buffered: [UInt8] = []
        for start in stride(from: 0, to: input.count, by: piece) where !decoder.isDone {
            buffered += input[start..<min(start + piece, input.count)]
            do throws(RequestRefusal) { buffered.removeFirst(try decoder.decode(buffered.span, into: &body, limit: limit)) } catch {
                return .refused(error)
            }
        }
        return .body(body, isDone: decoder.isDone)
    }
}
