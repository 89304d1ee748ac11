import Primitives

/// `login.require` and `login.step_up`: how people must have signed in (MFA-3).
extension Configuration.Login {
    private static let words = Assurance.allCases.map(\.rawValue)

    mutating func readRequirements(_ section: SettingReader) {
        Self.read("viewer", section, into: &viewerAssurance)
        Self.read("operator", section, into: &operatorAssurance)
        Self.read("admin", section, into: &adminAssurance)
    }

    private static func read(_ name: String, _ section: SettingReader, into target: inout Assurance) {
        var word = target.rawValue
        section.choice(name, words, into: &word)
        target = Assurance(rawValue: word) ?? .phishingResistant
    }

    /// By role, without those that need nothing.
    var roleAssurance: [Role: Assurance] {
        [.viewer: viewerAssurance, .operator: operatorAssurance, .admin: adminAssurance].filter { $0.value != .single }
    }

    mutating func readStepUps(_ section: SettingReader) {
        section.rest { name, reader in
            guard let scope = Scope(name) else {
                reader.ignore(name)
                return reader.report(name, "must be named by a scope such as qarnot:admin")
            }
            reader.section(name) { rule in
                var word = Assurance.single.rawValue
                rule.choice("acr", Self.words, into: &word)
                var stepUp = StepUp(Assurance(rawValue: word) ?? .phishingResistant)
                if rule.has("max_age") {
                    var age = Duration.seconds(3600)
                    rule.duration("max_age", .seconds(60)...(.seconds(7 * 86_400)), into: &age)
                    stepUp.maximumAge = age
                }
                stepUps[scope] = stepUp
            }
        }
    }
}
