import OAuth
import Primitives
import Testing

@testable import Storage

/// Refresh families in the database against a model that knows only the rules (oauth.md §7b), in random interleavings.
@Suite(.timeLimit(.minutes(5)))
struct RefreshModelTests {
    /// What one token of a family is, in the model.
    private struct Token {
        let name: String
        let expiresAt: Timestamp
        var supersededAt: Timestamp?
    }

    /// A family as RT-1 to RT-5 describe it: the newest token rotates, the one before yields the same successor for a minute
    /// unless that was used, everything older ends the family.
    private struct Family {
        let grant: Grant
        var tokens: [Token]
        var isRevoked = false

        mutating func present(_ index: Int, grace: Duration, successor: Token, at now: Timestamp) -> String {
            guard !isRevoked, now < grant.endsAt else { return "invalid" }
            guard index < tokens.count - 1 else {
                guard now < tokens[index].expiresAt else { return "invalid" }
                tokens[index].supersededAt = now
                tokens.append(successor)
                return "rotated \(index + 2)"
            }
            let isGrace = index == tokens.count - 2 && tokens[index].supersededAt.map { now - $0 <= grace } == true
            guard isGrace else {
                isRevoked = true
                return "reused"
            }
            return "grace \(index + 2)"
        }
    }

    private static func text(_ outcome: RefreshOutcome) -> String {
        switch outcome {
        case .rotated(let generation): "rotated \(generation)"
        case .grace(_, let generation): "grace \(generation)"
        case .reused: "reused"
        case .invalid: "invalid"
        }
    }

    @Test func `100,000 random steps of many families end as the rules say (RT-1 to RT-5)`() async throws {
        let f = try await Fixture()
        var random = SplitMix(seed: 20_261_127)
        var families: [Family] = []
        var now = Timestamp.at(10)
        let grace = Duration.seconds(60)
        var counts: [String: Int] = [:]
        for step in 0..<100_000 {
            now = now + .milliseconds(Int64(random.next(6_000)))
            if families.count < 8 || random.next(400) == 0 {
                if families.count >= 8 { families.remove(at: random.next(families.count)) }
                families.append(try await begin(f, "s\(step)", at: now, endingIn: .seconds(Int64(3600 + random.next(86_400)))))
            }
            let place = random.next(families.count)
            // A dead family is tried now and then, and mostly replaced by a live one.
            if families[place].isRevoked, random.next(4) > 0 {
                families[place] = try await begin(f, "r\(step)", at: now, endingIn: .seconds(Int64(3600 + random.next(86_400))))
            }
            var family = families[place]
            if random.next(2000) == 0 {
                #expect(try await f.grants.revoke(family.grant.id, at: now) == !family.isRevoked)
                family.isRevoked = true
            }
            // Mostly the newest or the one before; sometimes any.
            let count = family.tokens.count
            let index = random.next(10) < 9 ? max(0, count - 1 - random.next(2)) : random.next(count)
            let next = Token(name: "\(family.grant.id.text)-\(step)", expiresAt: min(now + .seconds(7200), family.grant.endsAt))
            let expected = family.present(index, grace: grace, successor: next, at: now)
            let outcome = try await f.grants.refresh(
                .of(families[place].tokens[index].name),
                successor: NewRefreshToken(digest: .of(next.name), issuedAt: now, expiresAt: next.expiresAt),
                sealedSuccessor: Array(next.name.utf8), access: .sample("a" + next.name, at: now), grace: grace, at: now)
            guard Self.text(outcome) == expected else {
                Issue.record("step \(step): the store said \(Self.text(outcome)), the rules say \(expected)")
                return
            }
            if case .grace(let sealed, _) = outcome {
                #expect(String(decoding: sealed, as: UTF8.self) == family.tokens[index + 1].name, "the same successor")
            }
            counts[String(expected.prefix { $0 != " " }), default: 0] += 1
            families[place] = family
            if random.next(5000) == 0 { try await f.grants.prune(at: now, grace: grace) }
        }
        for kind in ["rotated", "grace", "reused", "invalid"] { #expect(counts[kind, default: 0] > 1000, "\(counts)") }
    }

    private func begin(_ f: Fixture, _ name: String, at now: Timestamp, endingIn duration: Duration) async throws -> Family {
        let grant = Grant(
            id: GrantID("g" + name), userID: User.ada.id, clientID: Client.claude.id, scopes: ScopeSet(text: "qarnot:read"),
            resource: "https://gate.example/mcp", redirectURI: "https://app.example/cb", createdAt: now, endsAt: now + duration)
        let first = Token(name: "first-" + name, expiresAt: min(now + .seconds(7200), grant.endsAt))
        try await f.grants.insert(
            grant, access: .sample("a-first-" + name, at: now),
            refresh: NewRefreshToken(digest: .of(first.name), issuedAt: now, expiresAt: first.expiresAt))
        return Family(grant: grant, tokens: [first])
    }
}

/// Small and repeatable (Steele, Lea and Flood, 2014).
private struct SplitMix {
    private var state: UInt64
    init(seed: UInt64) { state = seed }

    mutating func next(_ bound: Int) -> Int {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return Int((z ^ (z >> 31)) % UInt64(bound))
    }
}
