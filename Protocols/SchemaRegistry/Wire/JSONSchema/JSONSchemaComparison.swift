import GodwitWire

/// Whether everything that one JSON Schema allows is allowed by another one, by the rules of
/// Confluent's registry: keyword by keyword, which finds some harmless changes to be none.
///
/// Schemas that refer to themselves are taken to fit while they are being compared. What was found
/// under an assumption that turned out wrong is looked for again, with what is known by then, until
/// nothing new is found.
struct JSONSchemaComparison {
  typealias Difference = JSONSchemaDifference

  struct Pair: Hashable {
    var old: Int
    var new: Int
  }

  /// More are not told.
  static let tellMax = 16

  private(set) var old: JSONSchema
  private(set) var new: JSONSchema
  let limits: SchemaLimits
  var budget: WorkBudget
  private var known: [Pair: [Difference]] = [:]
  private var underWay: Set<Pair> = []
  /// What does not fit, as found by the passes before.
  private var refuted: [Pair: [Difference]] = [:]
  private var hasAssumed = false
  private var expressions: [String: NameExpression?] = [:]

  init(
    old: JSONSchema, new: JSONSchema, budget: WorkBudget, limits: SchemaLimits = .defaults
  ) {
    self.old = old
    self.new = new
    self.budget = budget
    self.limits = limits
  }

  /// All that does not fit, at most 16; empty when everything does.
  mutating func differences() throws(SchemaError) -> [Difference] {
    while true {
      self.known = [:]
      self.hasAssumed = false
      let found = try self.compare(self.old.root, self.new.root)
      let refuted = self.known.filter { !$0.value.isEmpty }
      if !self.hasAssumed || Set(refuted.keys) == Set(self.refuted.keys) { return found }
      self.refuted = refuted
    }
  }

  /// What does not fit, with places below the two.
  mutating func compare(_ old: Int, _ new: Int) throws(SchemaError) -> [Difference] {
    let pair = Pair(old: self.old.meant(old), new: self.new.meant(new))
    if let found = self.known[pair] { return found }
    try self.budget.spend()
    guard self.underWay.insert(pair).inserted else {
      if let found = self.refuted[pair] { return found }
      self.hasAssumed = true
      return []
    }
    guard self.underWay.count <= self.limits.chainMax else {
      throw SchemaError(.tooLarge, "schemas that refer to each other in too long a chain")
    }
    defer { self.underWay.remove(pair) }
    let found = Array(try self.look(pair).prefix(Self.tellMax))
    self.known[pair] = found
    return found
  }

  /// The same, with places below `path`.
  mutating func compare(
    _ old: Int, _ new: Int, at path: String
  ) throws(SchemaError) -> [Difference] {
    try self.compare(old, new).map { Difference(kind: $0.kind, path: path + $0.path) }
  }

  /// Where one of the two need not be there.
  mutating func compare(
    ifThere old: Int?, _ new: Int?, at path: String
  ) throws(SchemaError) -> [Difference] {
    switch (old, new) {
    case (let old?, let new?): try self.compare(old, new, at: path)
    case (nil, .some): [Difference(kind: .schemaAdded, path: path)]
    case (_, nil): []
    }
  }

  private mutating func look(_ pair: Pair) throws(SchemaError) -> [Difference] {
    let (old, new) = (self.old.nodes[pair.old], self.new.nodes[pair.new])
    if try self.isCovered(pair, old.kind, new.kind) { return [] }
    guard old.kind.word == new.kind.word else {
      if old.kind == .nothing || new.kind == .anything { return [] }
      if old.isConnectBytes, new.isConnectBytes { return [] }
      return [Difference(kind: .typeChanged, path: "")]
    }
    switch (old.kind, new.kind) {
    case (.string(let old), .string(let new)): return Self.compare(old, new)
    case (.number(let old), .number(let new)): return Self.compare(old, new)
    case (.list(let old), .list(let new)): return try self.compare(old, new)
    case (.object(let old), .object(let new)): return try self.compare(old, new)
    case (.enumeration(let old), .enumeration(let new)):
      try self.budget.spend(old.count + new.count)
      let (before, after) = (Set(old), Set(new))
      if after.isSuperset(of: before) { return [] }
      let kind: Difference.Kind = before.isSuperset(of: after) ? .enumNarrowed : .enumChanged
      return [Difference(kind: kind, path: "/enum")]
    case (.constant(let old), .constant(let new)):
      return old == new ? [] : [Difference(kind: .enumChanged, path: "/const")]
    case (.not(let old), .not(let new)): return try self.compareOpposites(old, new)
    case (.combination(let old, let parts), .combination(let new, let others)):
      return try self.compare(old, parts, new, others)
    default: return []
    }
  }

  /// What a `not` excludes may become less: the other way round, it must fit.
  private mutating func compareOpposites(
    _ old: Int, _ new: Int
  ) throws(SchemaError) -> [Difference] {
    var other = JSONSchemaComparison(
      old: self.new, new: self.old, budget: self.budget, limits: self.limits)
    other.old.root = new
    other.new.root = old
    // A `not` within a `not` goes on from where this one is.
    other.underWayAround = self.underWayAround + self.underWay.count
    guard other.underWayAround <= self.limits.chainMax else {
      throw SchemaError(.tooLarge, "schemas that refer to each other in too long a chain")
    }
    let found = try other.differences()
    self.budget = other.budget
    return found.isEmpty ? [] : [Difference(kind: .notTypeExtended, path: "/not")]
  }

  private var underWayAround = 0

  /// Whether one of a combination's schemas says already that the two fit.
  private mutating func isCovered(
    _ pair: Pair, _ old: JSONSchema.Kind, _ new: JSONSchema.Kind
  ) throws(SchemaError) -> Bool {
    switch (old, new) {
    case (.combination, .combination): return false
    case (_, .combination(let criterion, let parts)) where parts.count == 1 || criterion != .all:
      for part in parts where try self.compare(pair.old, part).isEmpty { return true }
      return false
    case (.combination(let criterion, let parts), _) where parts.count == 1 || criterion == .all:
      for part in parts where try self.compare(part, pair.new).isEmpty { return true }
      return false
    default: return false
    }
  }

  /// Whether a name matches a property's pattern; `nil` where the pattern is not understood.
  mutating func matches(_ name: String, _ pattern: String) throws(SchemaError) -> Bool? {
    try self.budget.spend(1 + name.utf8.count * (1 + pattern.utf8.count) / 64)
    if self.expressions[pattern] == nil {
      // Anywhere in the name will do.
      self.expressions[pattern] = .some(NameExpression("(.*)(\(pattern))(.*)"))
    }
    guard let expression = self.expressions[pattern] ?? nil else { return nil }
    return expression.matches(name)
  }
}

extension JSONSchema.Kind {
  /// What can be compared with each other.
  var word: String {
    switch self {
    case .anything: "anything"
    case .nothing: "nothing"
    case .null: "null"
    case .boolean: "boolean"
    case .string: "string"
    case .number: "number"
    case .list: "array"
    case .object: "object"
    case .enumeration: "enum"
    case .constant: "const"
    case .not: "not"
    case .conditional: "if"
    case .combination: "combination"
    case .reference: "reference"
    }
  }
}
