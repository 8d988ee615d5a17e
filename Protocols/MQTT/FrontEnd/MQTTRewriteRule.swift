import MQTTWire

/// Gives topics another name: of messages, of subscriptions, or both.
public struct MQTTRewriteRule: Hashable, Sendable {
  /// What a rule is for.
  public enum Direction: String, Hashable, Sendable, CaseIterable {
    /// Topics of messages.
    case publish
    /// Filters of SUBSCRIBE and UNSUBSCRIBE.
    case subscribe
    /// Both.
    case all
  }

  /// What the rule is for.
  public var direction: Direction
  /// Only topics that this filter matches, and filters that it equals or matches as if they were
  /// topics.
  public var source: String
  /// A regular expression that must match the whole name.
  public var pattern: String
  /// The new name; `$1` to `$9` stand for what the expression's groups matched.
  public var target: String

  /// A rule.
  public init(direction: Direction, source: String, pattern: String, target: String) {
    self.direction = direction
    self.source = source
    self.pattern = pattern
    self.target = target
  }
}

/// Rules in force, in their order; the last that matches wins, as in EMQX.
struct MQTTRewriter {
  private struct Compiled {
    var rule: MQTTRewriteRule
    var source: [UInt8]
    var expression: Regex<AnyRegexOutput>
  }

  private let compiled: [Compiled]

  /// - Throws: the error of the first expression that is none.
  init(_ rules: [MQTTRewriteRule]) throws {
    compiled = try rules.map { rule in
      Compiled(
        rule: rule, source: Array(rule.source.utf8), expression: try Regex(rule.pattern))
    }
  }

  /// Whether there are rules at all.
  var isEmpty: Bool { compiled.isEmpty }

  /// The new name, or `nil` when no rule applies.
  func rewrite(_ name: String, for direction: MQTTRewriteRule.Direction) -> String? {
    var result: String?
    for entry in compiled where entry.rule.direction == .all || entry.rule.direction == direction {
      guard Self.matches(entry.source, Array(name.utf8)),
        let match = try? entry.expression.wholeMatch(in: name)
      else { continue }
      result = Self.expand(entry.rule.target, match)
    }
    return result
  }

  private static func expand(_ template: String, _ match: Regex<AnyRegexOutput>.Match) -> String {
    var result = ""
    var rest = Substring(template)
    while let character = rest.popFirst() {
      if character == "$", let digit = rest.first?.wholeNumberValue, digit > 0 {
        rest.removeFirst()
        if digit < match.output.count { result += match.output[digit].substring ?? "" }
      } else {
        result.append(character)
      }
    }
    return result
  }

  /// Whether an MQTT filter matches a name, whose own wildcards are ordinary levels here.
  static func matches(_ filter: [UInt8], _ name: [UInt8]) -> Bool {
    let slash = UInt8(ascii: "/")
    let filters = filter.split(separator: slash, omittingEmptySubsequences: false)
    let levels = name.split(separator: slash, omittingEmptySubsequences: false)
    for (index, level) in filters.enumerated() {
      if level.elementsEqual([UInt8(ascii: "#")]) { return true }
      guard index < levels.count else { return false }
      if level.elementsEqual([UInt8(ascii: "+")]) { continue }
      guard level.elementsEqual(levels[index]) else { return false }
    }
    return filters.count == levels.count
  }
}
