import GodwitWire

/// `allOf`, `anyOf` and `oneOf`.
extension JSONSchemaComparison {
  private struct Part: Hashable {
    var word: String
    var source: JSONValue
  }

  mutating func compare(
    _ old: JSONSchema.Criterion, _ parts: [Int], _ new: JSONSchema.Criterion, _ others: [Int]
  ) throws(SchemaError) -> [Difference] {
    let areSingle = (old: parts.count == 1, new: others.count == 1)
    guard
      old == new || new == .any || areSingle.old && (areSingle.new || new == .one)
        || areSingle.new && old == .all
    else { return [Difference(kind: .combinedTypeChanged, path: "")] }
    try self.budget.spend(parts.count + others.count)
    let parts = Self.distinct(parts, in: self.old)
    let others = Self.distinct(others, in: self.new)
    var found: [Difference] = []
    if parts.count < others.count, new == .all {
      found.append(Difference(kind: .productTypeExtended, path: ""))
    }
    if parts.count > others.count, old != .all {
      found.append(Difference(kind: .sumTypeNarrowed, path: ""))
    }
    var fits: [[Int]] = []
    for part in parts {
      var fitting: [Int] = []
      for (index, other) in others.enumerated() where try self.compare(part, other).isEmpty {
        fitting.append(index)
      }
      fits.append(fitting)
    }
    if try self.pairs(fits, others.count) < min(parts.count, others.count) {
      found.append(Difference(kind: .combinedSubschemasChanged, path: ""))
    }
    return found
  }

  /// Without what is said twice.
  private static func distinct(_ parts: [Int], in schema: JSONSchema) -> [Int] {
    var seen: Set<Part> = []
    return parts.filter { part in
      let node = schema.nodes[part]
      var word = node.kind.word
      if case .number(let numbers) = node.kind, numbers.areWhole { word = "integer" }
      return seen.insert(Part(word: word, source: node.source)).inserted
    }
  }

  /// How many of the left can have a partner on the right each, at the most: from each of the left,
  /// the shortest way over partners that could be others'.
  private mutating func pairs(
    _ fits: [[Int]], _ count: Int
  ) throws(SchemaError) -> Int {
    var partner = [Int?](repeating: nil, count: count)
    var matched = 0
    for start in fits.indices {
      var cameFrom = [Int?](repeating: nil, count: count)
      var queue = [start]
      var place = 0
      var end: Int?
      search: while place < queue.count {
        let left = queue[place]
        place += 1
        try self.budget.spend(1 + fits[left].count / 8)
        for right in fits[left] where cameFrom[right] == nil {
          cameFrom[right] = left
          guard let next = partner[right] else {
            end = right
            break search
          }
          queue.append(next)
        }
      }
      guard var right = end else { continue }
      matched += 1
      while let left = cameFrom[right] {
        let before = partner.firstIndex { $0 == left }
        partner[right] = left
        guard left != start, let before else { break }
        right = before
      }
    }
    return matched
  }
}
