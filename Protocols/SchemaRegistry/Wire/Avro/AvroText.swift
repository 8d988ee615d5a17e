import GodwitWire

extension AvroSchema {
  /// The schema's text in the form of the Java library's: attributes in one order, no white space,
  /// a namespace only where it changes, `{"type": "int"}` as `"int"`. All that the author said is
  /// in it, so equal texts are equal schemas. Types of other schemas are called by their names.
  public var canonical: String { self.text(isNormalized: false) }

  /// The canonical text with what the author could have put in any order, custom attributes and
  /// aliases, in one order. What `normalize=true` registers.
  public var normalized: String { self.text(isNormalized: true) }

  private func text(isNormalized: Bool) -> String {
    var text = AvroText(schema: self, known: self.foreignNames, isNormalized: isNormalized)
    return String(decoding: text.type(self.root).encoded, as: UTF8.self)
  }
}

/// Makes the text of a schema.
private struct AvroText {
  let schema: AvroSchema
  var known: Set<String>
  let isNormalized: Bool
  /// The namespace around what is written.
  var space = ""

  mutating func type(_ index: Int) -> JSONValue {
    let node = self.schema.nodes[index]
    switch node.kind {
    case .primitive(let primitive):
      guard !node.properties.isEmpty else { return .string(primitive.rawValue) }
      return .object(
        [.init("type", .string(primitive.rawValue))] + self.properties(node.properties))
    case .array(let item):
      return .object(
        [.init("type", .string("array")), .init("items", self.type(item))]
          + self.properties(node.properties))
    case .map(let item):
      return .object(
        [.init("type", .string("map")), .init("values", self.type(item))]
          + self.properties(node.properties))
    case .union(let branches):
      return .array(branches.map { self.type($0) })
    case .fixed(let name, _), .enumeration(let name, _, _), .record(let name, _, _):
      return self.named(node, name)
    }
  }

  /// A type with a name is written out where it comes first, and called by its name from then on.
  private mutating func named(_ node: AvroSchema.Node, _ name: AvroSchema.Name) -> JSONValue {
    guard self.known.insert(name.full).inserted else {
      return .string(name.space == self.space ? name.short : name.full)
    }
    var members: [JSONValue.Member] = [
      .init("type", .string(node.kind.word)), .init("name", .string(name.short)),
    ]
    if name.space != self.space { members.append(.init("namespace", .string(name.space))) }
    if let text = name.documentation, !self.isNormalized || !text.isEmpty {
      members.append(.init("doc", .string(text)))
    }
    switch node.kind {
    case .fixed(_, let size): members.append(.init("size", .integer(Int64(size))))
    case .enumeration(_, let symbols, let fallback):
      members.append(.init("symbols", .array(symbols.map { .string($0) })))
      if let fallback { members.append(.init("default", .string(fallback))) }
    case .record(_, let fields, _):
      let around = self.space
      self.space = name.space
      members.append(.init("fields", .array(fields.map { self.field($0) })))
      self.space = around
    case .primitive, .array, .map, .union: break
    }
    members += self.properties(node.properties)
    members += self.aliases(
      name.aliases.map { alias in
        let other = AvroSchema.Name(full: alias)
        return other.space == name.space ? other.short : alias
      })
    return .object(members)
  }

  private mutating func field(_ field: AvroSchema.Field) -> JSONValue {
    var members: [JSONValue.Member] = [
      .init("name", .string(field.name)), .init("type", self.type(field.type)),
    ]
    if let text = field.documentation { members.append(.init("doc", .string(text))) }
    if let value = field.defaultValue { members.append(.init("default", self.ordered(value))) }
    if field.order != "ascending" { members.append(.init("order", .string(field.order))) }
    members += self.aliases(field.aliases) + self.properties(field.properties)
    return .object(members)
  }

  private func aliases(_ names: [String]) -> [JSONValue.Member] {
    guard !names.isEmpty else { return [] }
    let ordered = self.isNormalized ? names.sorted() : names
    return [.init("aliases", .array(ordered.map { .string($0) }))]
  }

  private func properties(_ members: [JSONValue.Member]) -> [JSONValue.Member] {
    guard self.isNormalized else { return members }
    return members.sorted { $0.name < $1.name }.map { .init($0.name, self.ordered($0.value)) }
  }

  private func ordered(_ value: JSONValue) -> JSONValue {
    guard self.isNormalized else { return value }
    switch value {
    case .object(let members):
      return .object(
        members.sorted { $0.name < $1.name }.map { .init($0.name, self.ordered($0.value)) })
    case .array(let elements): return .array(elements.map { self.ordered($0) })
    case .null, .bool, .integer, .double, .string: return value
    }
  }
}
