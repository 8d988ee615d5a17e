/// How a protocol writes patterns of topics: what separates levels, and what stands for any one.
public struct WildcardSyntax: Hashable, Sendable {
  /// What stands between two levels.
  public let separator: Character
  /// The level that stands for any one level.
  public let oneLevel: String
  /// The last level that stands for all further ones.
  public let rest: String
  /// Whether `rest` stands for no level too, so that the parent itself is matched.
  public let restIncludesParent: Bool

  /// A protocol's way of writing patterns.
  public init(separator: Character, oneLevel: String, rest: String, restIncludesParent: Bool) {
    self.separator = separator
    self.oneLevel = oneLevel
    self.rest = rest
    self.restIncludesParent = restIncludesParent
  }
}
