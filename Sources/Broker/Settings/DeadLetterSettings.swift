import GodwitEngine
import GodwitFrontEndKit
import GodwitPrimitives

/// The section `dead_letters`.
enum DeadLetterSettings {
  static var section: SettingsSection {
    SettingsSection(
      "dead_letters",
      "What becomes of records that a group was handed as often as it may be, or has rejected.",
      [
        Setting(
          "rules", .maps(Self.rule), default: .list([]),
          "Where they go. The first rule that fits a record holds; where none does, they go "
            + "nowhere.")
      ])
  }

  private static var rule: [Setting] {
    [
      Setting("tenant", .text, default: .text(""), "The tenant; empty for all."),
      Setting(
        "topics", .texts, default: .list([]),
        "The records' topics: patterns as in `access`. Empty: all."),
      Setting(
        "groups", .texts, default: .list([]),
        "The groups, `*` at the end for any ending. Empty: all."),
      Setting(
        "to", .text, default: .text(""),
        "The topic that their dead letters are published to; `{topic}`, `{log}` and `{group}` "
          + "stand for where they come from. Empty: nowhere."),
    ]
  }

  /// The rules that the settings say.
  static func rules(
    _ values: SettingsValues, spelling: [any FrontEnd], limits: EngineLimits
  ) throws(SettingsError) -> [DeadLetterRule] {
    var rules: [DeadLetterRule] = []
    for said in values.maps("rules") {
      let to = said.text("to")
      // What stands for names is one level, or more, of a topic.
      let example = ["topic", "log", "group"].reduce(to) { $0.replacing("{\($1)}", with: "x") }
      if !to.isEmpty, case .failure(let refusal) = TypedTopic.literal(example, limits: limits) {
        throw SettingsError("\(said.path).to", "`\(to)`: \(refusal.sentence)")
      }
      if to.hasPrefix("$") {
        throw SettingsError("\(said.path).to", "`\(to)` belongs to the broker")
      }
      var rule = DeadLetterRule(destination: to.isEmpty ? nil : to)
      rule.tenant = said.text("tenant").isEmpty ? nil : said.text("tenant")
      rule.groups = said.texts("groups")
      for text in said.texts("topics") {
        let pattern = try PatternTemplate(text, path: "\(said.path).topics", spelling: spelling)
        guard pattern.group == nil else {
          throw SettingsError("\(said.path).topics", "groups stand in `groups`")
        }
        rule.patterns.append(pattern.widened)
      }
      rules.append(rule)
    }
    return rules
  }
}
