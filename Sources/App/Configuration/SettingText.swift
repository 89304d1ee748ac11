import Policy
import Primitives

/// A setting's value in words, for the audit log. Structures are not told: a provider's holds a client secret.
enum SettingText {
    static func describe(_ value: Any) -> String {
        switch value {
        case let text as String: short(text)
        case let flag as Bool: flag ? "on" : "off"
        case let number as Int: "\(number)"
        case let number as Double: "\(number)"
        case let span as Duration: span.settingText
        case let quota as Quota: "\(quota.rate) per \(quota.window.settingText), burst \(quota.burst)"
        case let words as [String]: short(words.joined(separator: ", "))
        case let networks as [Network]: short(networks.map(\.description).joined(separator: ", "))
        case let optional as any AnyOptional: optional.some.map(describe) ?? "not set"
        default: "(a structure)"
        }
    }

    private static func short(_ text: String) -> String {
        let masked = text.contains("://") && text.contains("@") ? "(a URL with a user)" : text
        return masked.utf8.count <= SettingDifference.limit ? masked : String(masked.prefix(SettingDifference.limit)) + "…"
    }
}

/// What an optional holds, whatever its type.
private protocol AnyOptional {
    var some: Any? { get }
}

extension Optional: AnyOptional {
    fileprivate var some: Any? { map { $0 as Any } }
}
