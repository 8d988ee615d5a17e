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
  /// Only for clients of this tenant; `nil` for all.
  public var tenant: String?
  /// Only topics that this filter matches, and filters that it equals or matches as if they were
  /// topics.
  public var source: String
  /// A regular expression that must match the whole name; see `MQTTExpression`.
  public var pattern: String
  /// The new name; `$1` to `$9` stand for what the expression's groups matched.
  public var target: String

  /// A rule.
  public init(
    direction: Direction, tenant: String? = nil, source: String, pattern: String, target: String
  ) {
    self.direction = direction
    self.tenant = tenant
    self.source = source
    self.pattern = pattern
    self.target = target
  }
}

extension MQTTRewriteRule {
  fileprivate func isFor(_ direction: Direction, tenant: String) -> Bool {
    (self.direction == .all || self.direction == direction)
      && (self.tenant == nil || self.tenant == tenant)
  }
}

/// Rules in force, in their order; the last that matches wins, as in EMQX.
struct MQTTRewriter {
  private struct Compiled {
    var rule: MQTTRewriteRule
    var source: [UInt8]
    var expression: MQTTExpression
  }

  /// The longest name that rules are tried on, in bytes; a longer one that a rule is for is refused
  /// rather than let through under its own name.
  static let nameBytesMax = 4_096

  private var compiled: [Compiled] = []

  /// - Throws: the error of the first expression that is none.
  init(_ rules: [MQTTRewriteRule]) throws(MQTTExpression.Failure) {
    for rule in rules {
      compiled.append(
        Compiled(
          rule: rule, source: Array(rule.source.utf8),
          expression: try MQTTExpression(rule.pattern)))
    }
  }

  /// Whether there are rules at all.
  var isEmpty: Bool { compiled.isEmpty }

  /// The new name that a client of `tenant` gives with `name`, or `nil` when no rule applies.
  ///
  /// - Throws: topic name invalid for a name that is too long to be tried.
  func rewrite(
    _ name: String, for direction: MQTTRewriteRule.Direction, tenant: String
  ) throws(MQTTWireError) -> String? {
    for entry in compiled.reversed() where entry.rule.isFor(direction, tenant: tenant) {
      guard Self.matches(entry.source, Array(name.utf8)) else { continue }
      guard name.utf8.count <= Self.nameBytesMax else {
        throw MQTTWireError(.topicNameInvalid, "topic is too long to be rewritten")
      }
      guard let groups = entry.expression.groups(in: name) else { continue }
      return Self.expand(entry.rule.target, groups)
    }
    return nil
  }

  private static func expand(_ template: String, _ groups: [Substring?]) -> String {
    var result = ""
    var rest = Substring(template)
    while let character = rest.popFirst() {
      if character == "$", let digit = rest.first?.wholeNumberValue, digit > 0 {
        rest.removeFirst()
        if digit <= groups.count { result += groups[digit - 1] ?? "" }
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
