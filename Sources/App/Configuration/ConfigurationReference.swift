/// The generated part of `docs/configuration.md`: one table a section, straight from the catalog.
enum ConfigurationReference {
    static var markdown: String {
        var out = ""
        for section in sections {
            out += "### `\(section)`\n\n| setting | default | environment | meaning |\n| --- | --- | --- | --- |\n"
            for setting in SettingCatalog.settings where setting.section == section {
                out += "| `\(setting.path)` | `\(setting.defaultText)` | `\(setting.environmentName)` | \(setting.meaning) |\n"
            }
            out += "\n"
        }
        return out
    }

    /// The first words of the paths, in the order of the catalog.
    private static var sections: [String] {
        var found: [String] = []
        for setting in SettingCatalog.settings where !found.contains(setting.section) { found.append(setting.section) }
        return found
    }
}

extension SettingCatalog.Setting {
    fileprivate var section: String { String(path.prefix { $0 != "." }) }
}
