import Crypto
import Foundation
import Primitives
import Testing

@testable import Audit

@Suite struct SignerTests {
    private func make(_ place: Place) throws -> (Signer, Ed25519Key) {
        let files = SignerFiles(keyPath: place.root + "/k")
        let key = try files.loadKey()
        return (Signer(files, key: key), key)
    }

    private func hashes(_ range: Range<Int>) -> [UInt8] { range.flatMap { SHA256.digest(Array("r\($0)".utf8)) } }

    @Test func `what is signed is the root of what was given, and a note other tools read`() throws {
        let place = try Place()
        let (signer, key) = try make(place)
        var asked = signer
        #expect(asked.answer(.extend(first: 0, hashes: hashes(0..<5))) == .size(5))
        guard case .checkpoint(let json) = asked.answer(.sign(size: 5, origin: "o")) else { return #expect(Bool(false)) }
        let checkpoint = try #require(Checkpoint(json))
        var tree = MerkleFrontier()
        for index in 0..<5 { tree.append(MerkleHash.leaf(hashes(index..<index + 1))) }
        #expect(checkpoint.root == tree.root)
        let text = "o\n5\n\(Base64.encode(tree.root, .standard))\ntime \(checkpoint.time.rfc3339)\n"
        #expect(key.publicKey.verifies(checkpoint.signature, of: Array(text.utf8)))
    }

    @Test func `the past cannot be replaced, in one life or the next`() throws {
        let place = try Place()
        var (signer, key) = try make(place)
        _ = signer.answer(.extend(first: 0, hashes: hashes(0..<4)))
        guard case .checkpoint(let before) = signer.answer(.sign(size: 4, origin: "o")) else { return #expect(Bool(false)) }
        #expect(signer.answer(.extend(first: 0, hashes: hashes(10..<14))) == .size(4))
        #expect(signer.answer(.sign(size: 2, origin: "o")) == .size(4))
        var next = Signer(SignerFiles(keyPath: place.root + "/k"), key: key)
        #expect(next.answer(.extend(first: 0, hashes: hashes(10..<14))) == .size(4))
        guard case .checkpoint(let after) = next.answer(.sign(size: 4, origin: "o")) else { return #expect(Bool(false)) }
        #expect(before["root"] == after["root"])
        key = try Ed25519Key()
        let foreign = try Checkpoint(MerkleFrontier(), origin: "o", at: .now(), by: key)
        guard case .refusal = next.answer(.adopt(foreign.json)) else { return #expect(Bool(false)) }
    }

    @Test func `nothing else is signed`() throws {
        var (signer, _) = try make(try Place())
        for request in [SignerMessage.sign(size: 0, origin: ""), .sign(size: 0, origin: "a\nb"), .waiting, .size(3)] {
            guard case .refusal = signer.answer(request) else { return #expect(Bool(false)) }
        }
    }

    @Test func `messages survive the way, and nothing else is one`() {
        let messages: [SignerMessage] = [
            .waiting, .ready(publicKey: "k", size: 7), .extend(first: 1 << 40, hashes: hashes(0..<3)), .adopt(["a": 1]),
            .sign(size: 9, origin: "o"), .size(0), .checkpoint(["b": 2]), .refusal("no"),
        ]
        for message in messages { #expect(SignerMessage(message.bytes) == message) }
        for bytes in [[], [0x03], [0x03, 0, 0, 0, 0, 0, 0, 0, 1, 9], [0x04, 0xFF, 0, 0, 0, 0, 0, 0, 0], [0x42]] as [[UInt8]] {
            #expect(SignerMessage(bytes) == nil)
        }
    }
}
