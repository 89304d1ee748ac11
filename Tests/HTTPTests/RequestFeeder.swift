import HTTP

/// What a parser made of some input, in a form that compares.
enum Outcome: Equatable, CustomStringConvertible {
    case incomplete
    case refused(RequestRefusal)
    case head(String)
    case message(String, body: [UInt8], rest: Int)

    var description: String {
        switch self {
        case .incomplete: "incomplete"
        case .refused(let refusal): "refused: \(refusal.rawValue)"
        case .head(let text): text
        case .message(let text, let body, let rest): "\(text) body \(String(decoding: body, as: UTF8.self)) rest \(rest)"
        }
    }
}

extension Request {
    /// Everything but the body, as text.
    var summary: String {
        "\(method.rawValue) \(path) ?\(query ?? "-") " + fields.lines.map { "\($0.name)=\($0.value)" }.joined(separator: "|")
    }
}

/// Feeds input to the head parser and the connection machine in pieces.
enum Feeder {
    /// The outcome of parsing a head when the input arrives at these lengths, one after the other.
    static func head(_ input: [UInt8], arrivingAt lengths: some Sequence<Int>) -> Outcome {
        var parser = RequestHeadParser()
        var request = Request(method: .get, path: "")
        for length in lengths {
            do throws(RequestRefusal) {
                guard let head = try parser.parse(input.span.extracting(0..<length), into: &request) else { continue }
                return .head("\(request.summary) \(head)")
            } catch {
                return .refused(error)
            }
        }
        return .incomplete
    }

    /// The outcome of a whole message sent in pieces.
    static func message(_ input: [UInt8], pieces: [Int], limit: Int = 1 << 20) -> Outcome {
        var machine = ServerConnection()
        var buffered: [UInt8] = []
        var start = 0
        for end in pieces + [input.count] {
            buffered += input[start..<end]
            start = end
            do throws(RequestRefusal) {
                while true {
                    let (step, consumed) = try machine.advance(buffered.span)
                    buffered.removeFirst(consumed)
                    if step == .judge {
                        _ = try machine.acceptBody(limit: limit)
                        continue
                    }
                    if step == .respond {
                        let rest = buffered.count + input.count - end
                        return .message(machine.request.summary, body: machine.request.body, rest: rest)
                    }
                    break
                }
            } catch {
                return .refused(error)
            }
        }
        return .incomplete
    }
}
