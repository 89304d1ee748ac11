import Crypto
import HTTP
import OAuth
import Primitives

/// JSON has one reading, whoever reads it: as a tree, or in place. What is written reads back as the same value.
enum JSONProperties {
    static func violation(by input: [UInt8]) -> String? {
        let tree = try? JSONValue(parsing: input)
        let document = try? JSONDocument(parsing: input)
        if (tree == nil) != (document == nil) { return "one reader takes what the other refuses" }
        guard let tree, let document else { return nil }
        if document.root.value != tree { return "two readers read two values" }
        guard let again = try? JSONValue(parsing: tree.serialized) else { return "what was written cannot be read" }
        if again != tree { return "what was written reads as something else" }
        return disagreement(document.root, tree)
    }

    /// Members looked up in place and in the tree, at every depth.
    private static func disagreement(_ view: JSONView, _ value: JSONValue) -> String? {
        guard view.string == value.string, view.int == value.int, view.bool == value.bool, view.isNull == value.isNull else {
            return "a scalar differs"
        }
        for (child, element) in zip(view.elements, value.array ?? []) {
            if let found = disagreement(child, element) { return found }
        }
        let members = view.members
        guard members.count == value.object?.members.count ?? 0 else { return "members were lost" }
        for member in members {
            guard let own = value[member.key] else { return "a member has no value" }
            if let found = disagreement(member.value, own) { return found }
        }
        return nil
    }
}

/// Signed tokens and keys: nothing signs by accident, and a key written for a set is the key that was read.
enum TokenProperties {
    private static let key = try? JSONWebKey([
        "kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
    ])

    static func violation(by input: [UInt8]) -> String? {
        let text = String(decoding: input, as: UTF8.self)
        if let token = try? JSONWebSignature(compact: text) {
            if text.utf8.count > JSONWebSignature.maximumBytes { return "a token beyond the limit was read" }
            if text.utf8.count(where: { $0 == 0x2E }) != 2 { return "a token has other than three parts" }
            if token.header["crit"] != nil { return "a critical header was passed over" }
            if let key, token.isSigned(by: key) { return "a token is signed by a key nobody has" }
        }
        if let json = try? JSONValue(parsing: input), let key = try? JSONWebKey(json) {
            if ["d", "p", "q", "k"].contains(where: { json[$0] != nil }) { return "a private key passed for a public one" }
            if key.thumbprint.utf8.count != 43 { return "a thumbprint has an odd length" }
            if key.verifies([UInt8](repeating: 0, count: 64), of: input, by: .es256) { return "zeros are a signature" }
        }
        return nil
    }
}

/// Redirect URIs: what is registered matches itself, and nothing that leads elsewhere (CLI-2, CLI-3).
enum RedirectProperties {
    /// Two URIs, a line each: what is registered, then what is asked for.
    static func violation(by input: [UInt8]) -> String? {
        let lines = input.split(separator: 0x0A, maxSplits: 1, omittingEmptySubsequences: false)
        let registered = String(decoding: lines[0], as: UTF8.self)
        guard RedirectURI.isAcceptable(registered, schemes: ["cursor"]) else { return nil }
        if !RedirectURI.matches(registered, registered: registered) { return "a URI does not match itself" }
        guard let url = URLReference(registered) else { return "a URI without a reading was accepted" }
        if url.fragment != nil || url.hasUserInfo { return "a fragment or user was accepted" }
        if ["javascript", "data", "file", "blob", "vbscript"].contains(url.scheme) {
            return "a scheme a browser runs was accepted"
        }
        guard lines.count == 2 else { return nil }
        let asked = String(decoding: lines[1], as: UTF8.self)
        guard RedirectURI.matches(asked, registered: registered), asked != registered else { return nil }
        guard let other = URLReference(asked) else { return "what has no reading matched" }
        let isSame = other.scheme == "http" && other.host == url.host && other.query == url.query && !other.hasUserInfo
        return isSame && RedirectURI.isLoopback(asked) ? nil : "a URI that leads elsewhere matched"
    }
}
