import GodwitWire

extension AvroParser {
  /// That the defaults of a record's fields are values of their types.
  mutating func checkDefaults(of index: Int) throws(SchemaError) {
    guard case .record(let name, let fields, _) = self.nodes[index].kind else { return }
    for field in fields {
      guard let value = field.defaultValue else { continue }
      guard try self.isValue(value, of: field.type) else {
        throw .invalid(
          "the default of the field \(field.name) of \(name.full) is no "
            + self.nodes[field.type].kind.word)
      }
    }
  }

  /// Whether JSON says a value of a type ("Complex Types", the table of defaults). Of a union, any
  /// branch may be meant. Goes no deeper than the value does.
  private mutating func isValue(_ value: JSONValue, of index: Int) throws(SchemaError) -> Bool {
    try self.budget.spend()
    switch self.nodes[index].kind {
    case .primitive(let primitive): return Self.isValue(value, of: primitive)
    case .fixed: return value.string != nil
    case .enumeration(_, let symbols, _):
      try self.budget.spend(symbols.count)
      return value.string.map { symbols.contains($0) } ?? false
    case .array(let item):
      guard let elements = value.elements else { return false }
      for element in elements where try !self.isValue(element, of: item) { return false }
      return true
    case .map(let item):
      guard let members = value.members else { return false }
      for member in members where try !self.isValue(member.value, of: item) { return false }
      return true
    case .union(let branches):
      for branch in branches where try self.isValue(value, of: branch) { return true }
      return false
    case .record(_, let fields, _):
      guard let members = value.members else { return false }
      for field in fields {
        try self.budget.spend(members.count)
        guard let part = value[field.name] else {
          if field.defaultValue == nil { return false }
          continue
        }
        guard try self.isValue(part, of: field.type) else { return false }
      }
      return true
    }
  }

  private static func isValue(
    _ value: JSONValue, of primitive: AvroSchema.Primitive
  ) -> Bool {
    switch primitive {
    case .null: value == .null
    case .boolean: value.bool != nil
    case .int: value.integer.map { Int32(exactly: $0) != nil } ?? false
    case .long: value.integer != nil
    case .float, .double: value.double != nil
    case .bytes, .string: value.string != nil
    }
  }
}
