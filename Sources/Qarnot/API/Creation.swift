internal import HTTP
internal import Primitives

/// Something to be made at Qarnot, under a short name by which it is found again when the answer is lost.
struct Creation: Sendable {
    /// Where it is posted, such as `tasks` or `tasks/<id>/clone`.
    let path: [String]
    /// Where it can be looked up, such as `tasks`.
    let collection: String
    /// Nil when it follows from the original.
    let name: String?
    let shortname: String
    /// Holds `shortname`.
    let body: JSONObject

    init(_ path: [String], in collection: String, body: JSONObject) {
        self.path = path
        self.collection = collection
        name = body["name"]?.string
        shortname = body["shortname"]?.string ?? TaskCreation.makeShortname()
        var body = body
        body["shortname"] = .string(shortname)
        self.body = body
    }

    /// "task", for messages.
    var noun: String { String(collection.dropLast()) }
}

extension QarnotSession {
    /// What Qarnot has accepted; `json` is nil when it could not be read back.
    struct Created: Sendable {
        let uuid: String
        let shortname: String
        let json: JSONValue?

        var state: String? { json?["state"]?.string }
    }

    private static let submissions = 3
    /// An object found under our short name but older than this before the call is somebody else's.
    private static let clockSkew = Duration.seconds(120)

    /// Creates once. When the answer is lost or says busy, the short name tells whether Qarnot took it; only when it did not
    /// is the request repeated, under the same short name, which Qarnot keeps unique.
    func create(_ creation: Creation) async throws(QarnotFailure) -> Created {
        let start = engine.now()
        var attempt = 1
        while true {
            do throws(QarnotFailure) {
                let reply = try await send(.post, creation.path, body: .object(creation.body), .unlessSent, purpose: .create)
                guard let uuid = try reply.json()["uuid"]?.string else {
                    throw QarnotFailure(.unexpectedAnswer, "Qarnot's answer names no \(creation.noun).", isRetryable: true)
                }
                let json = try? await get(creation.collection, uuid)
                return Created(uuid: uuid, shortname: creation.shortname, json: json)
            } catch {
                guard error.isRetryable else { throw error }
                if let found = try await find(creation, since: start, after: error) { return found }
                guard attempt < Self.submissions else { throw error }
                try await pause(Self.backoff(attempt))
                attempt += 1
            }
        }
    }

    /// What an unclear request made; nil when Qarnot says there is none.
    private func find(_ creation: Creation, since start: Timestamp, after failure: QarnotFailure) async throws(QarnotFailure)
        -> Created?
    {
        let unknown = QarnotFailure(
            .submissionUnknown,
            "\(failure.message) Whether the \(creation.noun) was accepted is unknown: look for shortname \(creation.shortname) before submitting again.",
            status: failure.status)
        do throws(QarnotFailure) {
            let json = try await get(creation.collection, creation.shortname)
            let created = json["creationDate"]?.string.flatMap(Timestamp.init(rfc3339:))
            guard let uuid = json["uuid"]?.string, creation.name == nil || json["name"]?.string == creation.name, let created,
                created >= start - Self.clockSkew
            else {
                throw QarnotFailure(
                    .conflict, "The short name \(creation.shortname) belongs to another \(creation.noun).", fields: ["shortname"])
            }
            return Created(uuid: uuid, shortname: creation.shortname, json: json)
        } catch {
            switch error.code {
            case .notFound: return nil
            case .conflict, .cancelled, .tokenRejected: throw error
            default: throw unknown
            }
        }
    }
}
