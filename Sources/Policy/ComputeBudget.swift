package import Primitives

/// What one user may spend on computing. Every rule is off until it is set; judged before anything is submitted. Pure.
package struct ComputeBudget: Sendable, Hashable {
    /// Instances of one submission, and machines of one pool.
    package var instances: Int?
    /// Core-hours of the tasks created since midnight UTC, after which nothing more is submitted.
    package var coreHoursPerDay: Double?
    /// Euros of the same tasks.
    package var eurosPerDay: Double?
    /// Names of the profiles allowed.
    package var profiles: [String]?
    /// Container images allowed: `repository` (any tag), `repository:tag`, or a beginning followed by `*`.
    package var images: [String]?
    /// False refuses pools, and tasks in pools.
    package var allowsPools: Bool?

    package init() {}

    /// True when a judgement needs to know what was spent today.
    package var needsSpending: Bool { coreHoursPerDay != nil || eurosPerDay != nil }

    /// This budget, with whatever it leaves open taken from another.
    package func over(_ other: ComputeBudget) -> ComputeBudget {
        var out = self
        out.instances = instances ?? other.instances
        out.coreHoursPerDay = coreHoursPerDay ?? other.coreHoursPerDay
        out.eurosPerDay = eurosPerDay ?? other.eurosPerDay
        out.profiles = profiles ?? other.profiles
        out.images = images ?? other.images
        out.allowsPools = allowsPools ?? other.allowsPools
        return out
    }

    package enum Verdict: Sendable, Hashable {
        case allowed
        /// - Parameters:
        ///   - rule: as configured, such as `budget.max_instances`; for the audit trail and the user.
        ///   - text: what is allowed, in one sentence.
        case refused(rule: String, text: String)
    }

    /// - Parameters:
    ///   - orders: everything one call would submit, judged together.
    ///   - spent: of today; needed when `needsSpending`.
    package func judge(_ orders: [ComputeOrder], spent: ComputeSpending?) -> Verdict {
        if allowsPools == false, orders.contains(where: \.usesPool) {
            return .refused(rule: "budget.pools", text: "Pools are not allowed for you.")
        }
        let count = orders.reduce(0) { sum, order in
            let (total, overflows) = sum.addingReportingOverflow(order.instances)
            return overflows ? .max : total
        }
        if let instances, count > instances {
            return .refused(
                rule: "budget.max_instances", text: "At most \(instances) instances may be submitted at once; this is \(count).")
        }
        for order in orders where order.instances > 0 {
            if let profiles, !profiles.contains(order.profile ?? "") {
                return .refused(
                    rule: "budget.profiles",
                    text:
                        "The profile \(order.profile ?? "(unknown)") is not allowed; allowed are: \(profiles.joined(separator: ", "))."
                )
            }
            if let images, let image = order.image, !images.contains(where: { Self.matches(image, $0) }) {
                return .refused(
                    rule: "budget.images",
                    text: "The image \(image) is not allowed; allowed are: \(images.joined(separator: ", ")).")
            }
        }
        return judge(spent, isSubmission: count > 0)
    }

    private func judge(_ spent: ComputeSpending?, isSubmission: Bool) -> Verdict {
        guard isSubmission, needsSpending else { return .allowed }
        // Unknown spending is no licence to spend.
        guard let spent else { return .refused(rule: "budget.unknown", text: "What you spent today cannot be told.") }
        if let coreHoursPerDay, spent.coreHours >= coreHoursPerDay {
            return .refused(
                rule: "budget.core_hours_per_day",
                text: "Today's tasks have used \(Self.text(spent.coreHours)) of \(Self.text(coreHoursPerDay)) core-hours.")
        }
        if let eurosPerDay, spent.euros >= eurosPerDay {
            return .refused(
                rule: "budget.euros_per_day",
                text: "Today's tasks have cost \(Self.text(spent.euros)) of \(Self.text(eurosPerDay)) euros.")
        }
        return .allowed
    }

    /// Two decimals, without an exponent.
    private static func text(_ value: Double) -> String {
        let hundredths = Int((min(max(value, 0), 1e12) * 100).rounded())
        let rest = hundredths % 100
        return "\(hundredths / 100).\(rest < 10 ? "0" : "")\(rest)"
    }

    static func matches(_ image: String, _ pattern: String) -> Bool {
        if pattern.hasSuffix("*") { return image.hasPrefix(pattern.dropLast()) }
        // The colon of a registry's port is no tag: only one after the last slash is.
        let name = pattern.split(separator: "/").last ?? ""
        return name.contains(":") ? image == pattern : image == pattern || image.hasPrefix(pattern + ":")
    }
}

/// What one submission asks for, as far as a budget looks at it.
package struct ComputeOrder: Sendable, Hashable {
    package var instances: Int
    /// Nil when it could not be told.
    package var profile: String?
    /// `repository:tag`, with a registry in front when one is set; nil when the profile runs no container.
    package var image: String?
    package var usesPool: Bool

    package init(instances: Int, profile: String? = nil, image: String? = nil, usesPool: Bool = false) {
        self.instances = instances
        self.profile = profile
        self.image = image
        self.usesPool = usesPool
    }
}

/// What was spent since midnight UTC.
package struct ComputeSpending: Sendable, Hashable {
    package var coreHours: Double
    package var euros: Double

    package init(coreHours: Double = 0, euros: Double = 0) {
        self.coreHours = coreHours
        self.euros = euros
    }
}

/// Every budget of one engine: a user's own rules, completed by those of the role.
package struct ComputeBudgets: Sendable, Hashable {
    package var roles: [Role: ComputeBudget] = [:]
    /// By user name.
    package var users: [String: ComputeBudget] = [:]

    package init() {}

    /// Nil when nothing is limited.
    package func budget(for caller: Principal) -> ComputeBudget? {
        switch (users[caller.username], roles[caller.role]) {
        case (let user?, let role?): user.over(role)
        case (let user, let role): user ?? role
        }
    }
}
