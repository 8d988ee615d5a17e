/// Objects.
extension JSONSchemaComparison {
  mutating func compare(
    _ old: JSONSchema.Objects, _ new: JSONSchema.Objects
  ) throws(SchemaError) -> [Difference] {
    try self.budget.spend(old.names.count + new.names.count)
    var found: [Difference] = []
    for name in old.names {
      guard let schema = new.properties[name], new.required.contains(name),
        !old.required.contains(name), !self.new.nodes[schema].hasDefault
      else { continue }
      found.append(
        Difference(kind: .requiredAttributeAdded, path: "/required\(Self.part(name))"))
    }
    found += try self.compareProperties(old, new)
    found += try self.compareDependencies(old, new)
    found += try self.compareRest(
      old.rest, new.rest, "/additionalProperties", removed: .additionalPropertiesRemoved,
      narrowed: .additionalPropertiesNarrowed)
    found += try self.compareUnevaluated(
      old.unevaluated, new.unevaluated, "/unevaluatedProperties",
      removed: .unevaluatedPropertiesRemoved, narrowed: .unevaluatedPropertiesNarrowed)
    found += Self.upper(
      old.maxProperties, new.maxProperties, "/maxProperties", added: .maxPropertiesAdded,
      decreased: .maxPropertiesDecreased)
    found += Self.lower(
      old.minProperties, new.minProperties, "/minProperties", added: .minPropertiesAdded,
      increased: .minPropertiesIncreased)
    return found
  }

  /// A name as a part of a path.
  private static func part(_ name: String) -> String { "/\(name.prefix(64))" }

  private mutating func compareProperties(
    _ old: JSONSchema.Objects, _ new: JSONSchema.Objects
  ) throws(SchemaError) -> [Difference] {
    var found: [Difference] = []
    for name in old.names where found.count < Self.tellMax {
      guard let schema = old.properties[name] else { continue }
      let path = "/properties\(Self.part(name))"
      if let other = new.properties[name] {
        found += try self.compare(schema, other, at: path)
      } else {
        found += try self.compareRemoved(name, schema, new, at: path)
      }
    }
    for name in new.names where found.count < Self.tellMax {
      guard let schema = new.properties[name], old.properties[name] == nil else { continue }
      found += try self.compareAdded(
        name, schema, old, isRequired: new.required.contains(name),
        at: "/properties\(Self.part(name))")
    }
    return found
  }

  /// What an object says of a name that it does not name; `nil` where its patterns are not
  /// understood.
  private mutating func rest(
    of object: JSONSchema.Objects, in schema: JSONSchema, for name: String
  ) throws(SchemaError) -> JSONSchema.Rest? {
    for pattern in object.patterns {
      guard let matches = try self.matches(name, pattern.text) else { return nil }
      if matches { return .schema(pattern.schema) }
    }
    let rest = schema.rest(object.rest, object.unevaluated)
    guard rest == .anything else { return rest }
    let isOpen =
      object.patterns.isEmpty
      && object.unevaluated.map { schema.nodes[$0].kind == .anything } ?? true
    return isOpen ? .anything : .nothing
  }

  private mutating func compareRemoved(
    _ name: String, _ schema: Int, _ new: JSONSchema.Objects, at path: String
  ) throws(SchemaError) -> [Difference] {
    switch try self.rest(of: new, in: self.new, for: name) {
    case .anything: return []
    case .schema(let rest):
      let found = try self.compare(schema, rest, at: path)
      return found.isEmpty
        ? [] : found + [Difference(kind: .propertyRemovedNotCovered, path: path)]
    case .nothing:
      return self.old.nodes[schema].kind == .nothing
        ? [] : [Difference(kind: .propertyRemovedFromClosed, path: path)]
    case nil: return [Difference(kind: .patternNotUnderstood, path: path)]
    }
  }

  private mutating func compareAdded(
    _ name: String, _ schema: Int, _ old: JSONSchema.Objects, isRequired: Bool, at path: String
  ) throws(SchemaError) -> [Difference] {
    let hasDefault = self.new.nodes[schema].hasDefault
    var found: [Difference] = []
    switch try self.rest(of: old, in: self.old, for: name) {
    case .anything:
      if self.new.nodes[schema].kind == .anything { return [] }
      let kind: Difference.Kind =
        isRequired
        ? hasDefault ? .requiredPropertyWithDefaultAddedToOpen : .requiredPropertyAddedToOpen
        : .optionalPropertyAddedToOpen
      return [Difference(kind: kind, path: path)]
    case .schema(let rest):
      found = try self.compare(rest, schema, at: path)
      if !found.isEmpty { found.append(Difference(kind: .propertyAddedNotCovered, path: path)) }
    case .nothing: break
    case nil: return [Difference(kind: .patternNotUnderstood, path: path)]
    }
    if isRequired, !hasDefault {
      found.append(Difference(kind: .requiredPropertyAddedToUnopen, path: path))
    }
    return found
  }

  private mutating func compareDependencies(
    _ old: JSONSchema.Objects, _ new: JSONSchema.Objects
  ) throws(SchemaError) -> [Difference] {
    try self.budget.spend(new.dependencies.count + new.schemaDependencies.count)
    var found: [Difference] = []
    for name in new.dependencies.keys.sorted() {
      guard let names = new.dependencies[name], names != old.dependencies[name] else { continue }
      let path = "/dependencies\(Self.part(name))"
      guard let before = old.dependencies[name] else {
        found.append(Difference(kind: .dependencyArrayAdded, path: path))
        continue
      }
      try self.budget.spend(names.count + before.count)
      if before.isSuperset(of: names) { continue }
      let isMore = names.isSuperset(of: before)
      found.append(
        Difference(
          kind: isMore ? .dependencyArrayExtended : .dependencyArrayChanged, path: path))
    }
    for name in new.schemaDependencies.keys.sorted() {
      guard let schema = new.schemaDependencies[name] else { continue }
      let path = "/dependencies\(Self.part(name))"
      if let before = old.schemaDependencies[name] {
        found += try self.compare(before, schema, at: path)
      } else {
        found.append(Difference(kind: .dependencySchemaAdded, path: path))
      }
    }
    return found
  }
}
