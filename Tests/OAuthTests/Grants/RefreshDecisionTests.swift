import Primitives
import Testing

@testable import OAuth

@Suite struct RefreshDecisionTests {
    private static let grace = Duration.seconds(60)
    private static let seal: [UInt8] = [1, 2, 3]

    private static func record(
        expires: Int64 = 1000, ends: Int64 = 10_000, superseded: Int64? = nil, sealed: [UInt8]? = seal,
        isSuccessorUsed: Bool = false,
        isActive: Bool = true
    ) -> RefreshRecord {
        RefreshRecord(
            grant: Grant(
                id: GrantID("g"), userID: UserID("u"), clientID: ClientID("c"), scopes: ScopeSet(text: "qarnot:read"),
                resource: "https://gate.example/mcp", redirectURI: "https://app.example/cb", createdAt: .at(0), endsAt: .at(ends)),
            generation: 1, expiresAt: .at(expires), supersededAt: superseded.map { .at($0) }, sealedSuccessor: sealed,
            isSuccessorUsed: isSuccessorUsed, isActive: isActive)
    }

    @Test(
        arguments: [
            (record(), 999, .rotate),
            (record(), 1000, .refuse),  // idle end is exclusive
            (record(expires: 99_999), 10_000, .refuse),  // absolute end
            (record(isActive: false), 1, .refuse),
            (record(superseded: 100), 100, .grace(sealedSuccessor: seal)),
            (record(superseded: 100), 160, .grace(sealedSuccessor: seal)),
            (record(superseded: 100), 161, .reuse),
            (record(superseded: 100, isSuccessorUsed: true), 101, .reuse),
            (record(superseded: 100, sealed: nil), 101, .reuse),  // wiped
            (record(superseded: 100, isActive: false), 101, .refuse),  // a dead family is refused, not revoked again
            (record(expires: 100, superseded: 90), 5000, .reuse),  // expired and replaced: still reuse
            (record(expires: 100, superseded: 90), 10_000, .refuse),
        ] as [(RefreshRecord, Int64, RefreshDecision)])
    func `each state has one verdict (RT-1 to RT-5)`(_ record: RefreshRecord, _ second: Int64, _ expected: RefreshDecision) {
        #expect(RefreshDecision.decide(record, grace: Self.grace, at: .at(second)) == expected)
    }

    @Test func `without grace a replaced token is reuse a millisecond later`() {
        let record = Self.record(superseded: 100)
        #expect(RefreshDecision.decide(record, grace: .zero, at: .at(100) + .milliseconds(1)) == .reuse)
    }

    /// The rules of §7b told once more, over the family as a list: the newest token rotates, the one before it is in grace
    /// while the newest is unused, everything else kills.
    private struct Model {
        var issuedAt: [Int64] = [0]
        var isAlive = true

        mutating func present(_ index: Int, at now: Int64) -> String {
            guard isAlive, now < Family.end else { return "refuse" }
            if index == issuedAt.count - 1 {
                guard now < issuedAt[index] + Family.idle else { return "refuse" }
                issuedAt.append(now)
                return "rotate"
            }
            if index == issuedAt.count - 2, now - issuedAt[index + 1] <= 60 { return "grace \(index + 1)" }
            isAlive = false
            return "reuse"
        }
    }

    /// The store's part, driven by the decision.
    private struct Family {
        static let idle: Int64 = 400
        static let end: Int64 = 3000
        struct Token {
            var issuedAt: Int64
            var supersededAt: Int64?
            var sealed: [UInt8]?
        }
        var tokens = [Token(issuedAt: 0)]
        var isActive = true

        mutating func present(_ index: Int, at now: Int64) -> String {
            let token = tokens[index]
            let isSuccessorUsed = index + 1 < tokens.count && tokens[index + 1].supersededAt != nil
            let record = RefreshDecisionTests.record(
                expires: min(token.issuedAt + Self.idle, Self.end), ends: Self.end, superseded: token.supersededAt,
                sealed: token.sealed,
                isSuccessorUsed: isSuccessorUsed, isActive: isActive)
            switch RefreshDecision.decide(record, grace: RefreshDecisionTests.grace, at: .at(now)) {
            case .rotate:
                tokens[index].supersededAt = now
                tokens[index].sealed = [UInt8(truncatingIfNeeded: index + 1)]
                if index > 0 { tokens[index - 1].sealed = nil }
                tokens.append(Token(issuedAt: now))
                return "rotate"
            case .grace(let sealed): return "grace \(sealed[0])"
            case .reuse:
                isActive = false
                return "reuse"
            case .refuse: return "refuse"
            }
        }
    }

    @Test(arguments: 0..<60 as Range<UInt64>)
    func `any order of presented tokens agrees with the rules told as a list`(_ seed: UInt64) {
        var generator = SplitMix(state: seed)
        var (model, family, now) = (Model(), Family(), Int64(0))
        for step in 0..<80 {
            now += [0, 1, 5, 30, 59, 60, 61, 200, 401][Int(generator.next() % 9)]
            // Mostly the newest token or the one before it, sometimes any.
            let count = family.tokens.count
            let index =
                generator.next() % 4 == 0 ? Int(generator.next() % UInt64(count)) : max(0, count - 1 - Int(generator.next() % 2))
            let (expected, actual) = (model.present(index, at: now), family.present(index, at: now))
            #expect(actual == expected, "seed \(seed), step \(step), token \(index) at \(now)")
            if actual != expected { return }
        }
    }
}

/// The generator of Steele, Lea and Flood: the same numbers on every run.
struct SplitMix: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}
