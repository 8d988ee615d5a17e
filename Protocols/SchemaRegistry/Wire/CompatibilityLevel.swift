/// What a new version of a schema must be able to do with the data of older ones.
public enum CompatibilityLevel: String, Hashable, Sendable, CaseIterable {
  /// Anything goes.
  case none = "NONE"
  /// The new schema reads what was written with the last one. What holds where nothing is said.
  case backward = "BACKWARD"
  /// The new schema reads what was written with any.
  case backwardTransitive = "BACKWARD_TRANSITIVE"
  /// The last schema reads what is written with the new one.
  case forward = "FORWARD"
  /// Every schema reads what is written with the new one.
  case forwardTransitive = "FORWARD_TRANSITIVE"
  /// Both, with the last schema.
  case full = "FULL"
  /// Both, with every schema.
  case fullTransitive = "FULL_TRANSITIVE"

  /// Whether a new schema is compared with all versions, rather than with the last.
  public var isTransitive: Bool {
    switch self {
    case .backwardTransitive, .forwardTransitive, .fullTransitive: true
    case .none, .backward, .forward, .full: false
    }
  }

  /// Whether the new schema must read old data.
  public var isBackward: Bool {
    switch self {
    case .backward, .backwardTransitive, .full, .fullTransitive: true
    case .none, .forward, .forwardTransitive: false
    }
  }

  /// Whether old schemas must read new data.
  public var isForward: Bool {
    switch self {
    case .forward, .forwardTransitive, .full, .fullTransitive: true
    case .none, .backward, .backwardTransitive: false
    }
  }

  /// Why `new` cannot follow `old` at this level; empty when it can.
  ///
  /// - Parameter budget: what the comparison may take.
  /// - Throws: `SchemaError` with `tooLarge` when it would take more.
  public func obstacles(
    to new: ParsedSchema, after old: ParsedSchema, budget: inout WorkBudget
  ) throws(SchemaError) -> [String] {
    guard self != .none else { return [] }
    guard new.type == old.type else { return ["Incompatible because of different schema type"] }
    var found: [String] = []
    if self.isBackward {
      found += try new.obstacles(reading: old, isNew: true, budget: &budget)
    }
    if self.isForward {
      found += try old.obstacles(reading: new, isNew: false, budget: &budget)
    }
    return found
  }
}
