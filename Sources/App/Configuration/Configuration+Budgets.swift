import Policy
import Primitives

/// `engines.qarnot.budgets`: what a role or a user may spend on computing.
extension Configuration.Engines {
    mutating func readBudgets(_ section: SettingReader) {
        section.section("roles") { roles in
            for role in [Role.viewer, .operator, .admin] where roles.has(role.rawValue) {
                roles.section(role.rawValue) { qarnotBudgets.roles[role] = Self.budget($0) }
            }
        }
        section.section("users") { users in
            users.rest { name, reader in reader.section(name) { qarnotBudgets.users[name] = Self.budget($0) } }
        }
    }

    private static func budget(_ section: SettingReader) -> ComputeBudget {
        var budget = ComputeBudget()
        if section.has("max_instances") {
            var count = 0
            section.int("max_instances", 0...1_000_000, into: &count)
            budget.instances = count
        }
        budget.coreHoursPerDay = amount("core_hours_per_day", section)
        budget.eurosPerDay = amount("euros_per_day", section)
        budget.profiles = words("profiles", section)
        budget.images = words("images", section)
        if section.has("pools") {
            var allowsPools = true
            section.bool("pools", into: &allowsPools)
            budget.allowsPools = allowsPools
        }
        return budget
    }

    private static func amount(_ name: String, _ section: SettingReader) -> Double? {
        guard section.has(name) else { return nil }
        var text = "0"
        section.string(name, into: &text)
        guard let value = Double(text), value.isFinite, value >= 0 else {
            section.report(name, "must be a number such as 2.5")
            return 0
        }
        return value
    }

    private static func words(_ name: String, _ section: SettingReader) -> [String]? {
        guard section.has(name) else { return nil }
        var words: [String] = []
        section.strings(name, into: &words)
        return words
    }
}
