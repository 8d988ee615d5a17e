/// Lists.
extension JSONSchemaComparison {
  mutating func compare(
    _ old: JSONSchema.Lists, _ new: JSONSchema.Lists
  ) throws(SchemaError) -> [Difference] {
    var found = try self.compare(ifThere: old.all, new.all, at: "/items")
    found += try self.compareFirst(old, new)
    found += try self.compareRest(
      old.rest, new.rest, "/additionalItems", removed: .additionalItemsRemoved,
      narrowed: .additionalItemsNarrowed)
    found += try self.compareUnevaluated(
      old.unevaluated, new.unevaluated, "/unevaluatedItems", removed: .unevaluatedItemsRemoved,
      narrowed: .unevaluatedItemsNarrowed)
    found += Self.upper(
      old.maxItems, new.maxItems, "/maxItems", added: .maxItemsAdded,
      decreased: .maxItemsDecreased)
    found += Self.lower(
      old.minItems, new.minItems, "/minItems", added: .minItemsAdded,
      increased: .minItemsIncreased)
    if !old.areUnique, new.areUnique {
      found.append(Difference(kind: .uniqueItemsAdded, path: "/uniqueItems"))
    }
    found += Self.upper(
      old.maxContains, new.maxContains, "/maxContains", added: .maxContainsAdded,
      decreased: .maxContainsDecreased)
    found += Self.lower(
      old.minContains, new.minContains, "/minContains", added: .minContainsAdded,
      increased: .minContainsIncreased)
    return found
  }

  /// Items with schemas of their own.
  private mutating func compareFirst(
    _ old: JSONSchema.Lists, _ new: JSONSchema.Lists
  ) throws(SchemaError) -> [Difference] {
    try self.budget.spend(old.first.count + new.first.count)
    var found: [Difference] = []
    for index in 0..<max(old.first.count, new.first.count) where found.count < Self.tellMax {
      let path = "/items/\(index)"
      if index >= new.first.count {
        found += try self.compareRemoved(old.first[index], new, at: path)
      } else if index >= old.first.count {
        found += try self.compareAdded(new.first[index], old, at: path)
      } else {
        found += try self.compare(old.first[index], new.first[index], at: path)
      }
    }
    return found
  }

  private mutating func compareRemoved(
    _ item: Int, _ new: JSONSchema.Lists, at path: String
  ) throws(SchemaError) -> [Difference] {
    switch self.new.rest(new.rest, new.unevaluated) {
    case .anything: return []
    case .schema(let schema):
      let found = try self.compare(item, schema, at: path)
      return found.isEmpty
        ? [] : found + [Difference(kind: .itemRemovedNotCovered, path: path)]
    case .nothing:
      return self.old.nodes[item].kind == .nothing
        ? [] : [Difference(kind: .itemRemovedFromClosed, path: path)]
    }
  }

  private mutating func compareAdded(
    _ item: Int, _ old: JSONSchema.Lists, at path: String
  ) throws(SchemaError) -> [Difference] {
    switch self.old.rest(old.rest, old.unevaluated) {
    case .anything:
      return self.new.nodes[item].kind == .anything
        ? [] : [Difference(kind: .itemAddedToOpen, path: path)]
    case .schema(let schema):
      let found = try self.compare(schema, item, at: path)
      return found.isEmpty ? [] : found + [Difference(kind: .itemAddedNotCovered, path: path)]
    case .nothing: return []
    }
  }

  // MARK: What no keyword names

  mutating func compareRest(
    _ old: JSONSchema.Rest, _ new: JSONSchema.Rest, _ path: String, removed: Difference.Kind,
    narrowed: Difference.Kind
  ) throws(SchemaError) -> [Difference] {
    switch (old, new) {
    case (.nothing, _), (_, .anything): return []
    case (_, .nothing): return [Difference(kind: removed, path: path)]
    case (.anything, .schema): return [Difference(kind: narrowed, path: path)]
    case (.schema(let old), .schema(let new)): return try self.compare(old, new, at: path)
    }
  }

  mutating func compareUnevaluated(
    _ old: Int?, _ new: Int?, _ path: String, removed: Difference.Kind, narrowed: Difference.Kind
  ) throws(SchemaError) -> [Difference] {
    guard let new, self.new.nodes[new].kind != .anything else { return [] }
    let isNothing = self.new.nodes[new].kind == .nothing
    guard let old, self.old.nodes[old].kind != .anything else {
      return [Difference(kind: isNothing ? removed : narrowed, path: path)]
    }
    if self.old.nodes[old].kind == .nothing { return [] }
    if isNothing { return [Difference(kind: removed, path: path)] }
    return try self.compare(old, new, at: path)
  }
}

extension JSONSchema {
  /// What may be in a list or an object beside what is named: the content model is open, closed, or
  /// partly open.
  func rest(_ rest: Rest, _ unevaluated: Int?) -> Rest {
    guard rest == .anything, let unevaluated else { return rest }
    switch self.nodes[unevaluated].kind {
    case .anything: return .anything
    case .nothing: return .anything
    default: return .schema(unevaluated)
    }
  }
}
