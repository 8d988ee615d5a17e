/// A change of a Protocol Buffers schema that keeps the new one's readers from the old one's data.
struct ProtobufDifference: Hashable, Sendable {
  /// The kinds, by the names that the registry's answers have for them.
  enum Kind: String, Hashable, Sendable {
    case packageChanged = "PACKAGE_CHANGED"
    case messageRemoved = "MESSAGE_REMOVED"
    case fieldKindChanged = "FIELD_KIND_CHANGED"
    case fieldScalarKindChanged = "FIELD_SCALAR_KIND_CHANGED"
    case fieldNamedTypeChanged = "FIELD_NAMED_TYPE_CHANGED"
    case fieldNumericLabelChanged = "FIELD_NUMERIC_LABEL_CHANGED"
    case requiredFieldAdded = "REQUIRED_FIELD_ADDED"
    case requiredFieldRemoved = "REQUIRED_FIELD_REMOVED"
    case oneofFieldRemoved = "ONEOF_FIELD_REMOVED"
    case multipleFieldsMovedToOneof = "MULTIPLE_FIELDS_MOVED_TO_ONEOF"
    case fieldMovedToExistingOneof = "FIELD_MOVED_TO_EXISTING_ONEOF"
  }

  var kind: Kind
  /// Where.
  var path: String

  /// As the registry's answers say it.
  func message(reader: String, writer: String) -> String {
    let words = self.kind.rawValue.lowercased().replacing("_", with: " ")
    return "{errorType:\"\(self.kind.rawValue)\", description:\"At path '#\(self.path)' the "
      + "\(reader) schema cannot read all that the \(writer) schema writes: \(words)\"}"
  }
}

/// Whether a reader of one schema can read what a writer of another one wrote, by the rules of
/// Confluent's registry: fields are what their numbers say, whatever they are called.
struct ProtobufComparison {
  typealias Difference = ProtobufDifference
  private typealias Message = ProtobufFile.Message
  private typealias Field = ProtobufFile.Field

  private struct Pair: Hashable {
    var old: String
    var new: String
  }

  /// A type, as a field names it.
  private enum Meaning {
    case scalar(String)
    case message(ProtobufTypes.Found)
    case unknown(String)
  }

  /// More are not told.
  private static let tellMax = 16

  let old: ProtobufSchema
  let new: ProtobufSchema
  let limits: SchemaLimits
  var budget: WorkBudget
  private var found: [Difference] = []
  private var seen: Set<Pair> = []
  private var depth = 0

  init(
    old: ProtobufSchema, new: ProtobufSchema, budget: WorkBudget,
    limits: SchemaLimits = .defaults
  ) {
    self.old = old
    self.new = new
    self.budget = budget
    self.limits = limits
  }

  /// All that does not fit, at most 16; empty when everything does.
  mutating func differences() throws(SchemaError) -> [Difference] {
    let (old, new) = (self.old.file, self.new.file)
    if old.package != new.package { self.tell(.packageChanged, "/") }
    try self.compare(
      old.messages, new.messages, Pair(old: old.package, new: new.package), at: "")
    return Array(self.found.prefix(Self.tellMax))
  }

  private mutating func tell(_ kind: Difference.Kind, _ path: String) {
    if self.found.count < Self.tellMax { self.found.append(Difference(kind: kind, path: path)) }
  }

  private mutating func compare(
    _ old: [Message], _ new: [Message], _ scope: Pair, at path: String
  ) throws(SchemaError) {
    try self.budget.spend(1 + old.count + new.count)
    let byName = Dictionary(new.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
    for message in old {
      let here = "\(path)/\(message.name.prefix(64))"
      guard let other = byName[message.name] else {
        self.tell(.messageRemoved, here)
        continue
      }
      let names = Pair(
        old: scope.old.isEmpty ? message.name : "\(scope.old).\(message.name)",
        new: scope.new.isEmpty ? other.name : "\(scope.new).\(other.name)")
      try self.compare(message, other, names, at: here)
    }
  }

  private mutating func compare(
    _ old: Message, _ new: Message, _ names: Pair, at path: String
  ) throws(SchemaError) {
    guard self.seen.insert(names).inserted else { return }
    self.depth += 1
    defer { self.depth -= 1 }
    guard self.depth <= self.limits.chainMax else {
      throw SchemaError(.tooLarge, "messages that refer to each other in too long a chain")
    }
    try self.budget.spend(1 + old.fields.count + new.fields.count)
    let before = Dictionary(old.fields.map { ($0.number, $0) }, uniquingKeysWith: { a, _ in a })
    let after = Dictionary(new.fields.map { ($0.number, $0) }, uniquingKeysWith: { a, _ in a })
    self.compareOneofs(old, new, before, at: path)
    let deleted = self.deletedOneofs(old, new, after)
    for number in Set(before.keys).union(after.keys).sorted() {
      let here = "\(path)/\(number)"
      switch (before[number], after[number]) {
      case (let field?, nil):
        if let oneof = field.oneof {
          if !deleted.contains(oneof) { self.tell(.oneofFieldRemoved, here) }
        } else if field.label == .required {
          self.tell(.requiredFieldRemoved, here)
        }
      case (nil, let field?):
        if field.label == .required { self.tell(.requiredFieldAdded, here) }
      case (let field?, let other?): try self.compare(field, other, names, at: here)
      case (nil, nil): break
      }
    }
    try self.compare(old.messages, new.messages, names, at: path)
  }

  /// Those of which nothing is left, not even the name: that is no loss that anybody overlooks.
  private func deletedOneofs(
    _ old: Message, _ new: Message, _ after: [Int: Field]
  ) -> Set<Int> {
    let names = Set(new.oneofs.map(\.name))
    var deleted = Set(old.oneofs.indices.filter { !names.contains(old.oneofs[$0].name) })
    for field in old.fields where after[field.number] != nil {
      if let oneof = field.oneof { deleted.remove(oneof) }
    }
    return deleted
  }

  /// Fields that could be there together, and now exclude each other.
  private mutating func compareOneofs(
    _ old: Message, _ new: Message, _ before: [Int: Field], at path: String
  ) {
    var groups: [Int: Set<Int>] = [:]
    var moved: [Int: Int] = [:]
    for field in new.fields {
      guard let oneof = field.oneof, let origin = before[field.number] else { continue }
      // A field by itself is a group of its own; numbers of fields are positive.
      groups[oneof, default: []].insert(origin.oneof.map { -1 - $0 } ?? field.number)
      if origin.oneof == nil { moved[oneof, default: 0] += 1 }
    }
    for (index, oneof) in new.oneofs.enumerated() where groups[index]?.count ?? 0 > 1 {
      self.tell(
        moved[index] ?? 0 > 1 ? .multipleFieldsMovedToOneof : .fieldMovedToExistingOneof,
        "\(path)/\(oneof.name.prefix(64))")
    }
  }

  // MARK: Fields

  private mutating func compare(
    _ old: Field, _ new: Field, _ names: Pair, at path: String
  ) throws(SchemaError) {
    guard (old.keyType == nil) == (new.keyType == nil) else {
      return self.tell(.fieldKindChanged, path)
    }
    if let key = old.keyType, let other = new.keyType {
      if Self.family(key) != Self.family(other) { self.tell(.fieldScalarKindChanged, path) }
    }
    let isMap = old.keyType != nil
    switch (
      self.meaning(old.type, self.old, names.old), self.meaning(new.type, self.new, names.new)
    ) {
    case (.scalar(let type), .scalar(let other)):
      guard Self.family(type) == Self.family(other) else {
        return self.tell(.fieldScalarKindChanged, path)
      }
      if !isMap, let label = old.label, let now = new.label, label != now,
        Self.family(type) != "string or bytes"
      {
        self.tell(.fieldNumericLabelChanged, path)
      }
    case (.message(let type), .message(let other)):
      try self.compare(type, other, at: path)
    case (.unknown(let type), .unknown(let other)):
      if type != other { self.tell(.fieldNamedTypeChanged, path) }
    case (.message(let type), .unknown(let other)), (.unknown(let other), .message(let type)):
      if type.full != other { self.tell(.fieldNamedTypeChanged, path) }
    default: self.tell(.fieldKindChanged, path)
    }
  }

  private func meaning(
    _ type: String, _ schema: ProtobufSchema, _ scope: String
  ) -> Meaning {
    if ProtobufFile.scalars.contains(type) { return .scalar(type) }
    guard let found = schema.types.find(type, from: scope) else {
      return .unknown(type.hasPrefix(".") ? String(type.dropFirst()) : type)
    }
    return found.message == nil ? .scalar("enum") : .message(found)
  }

  private mutating func compare(
    _ old: ProtobufTypes.Found, _ new: ProtobufTypes.Found, at path: String
  ) throws(SchemaError) {
    guard Self.local(old) == Self.local(new) else {
      return self.tell(.fieldNamedTypeChanged, path)
    }
    // Those that are both of these files are compared in their own place.
    guard old.isForeign || new.isForeign, let message = old.message, let other = new.message
    else { return }
    let count = self.found.count
    try self.compare(message, other, Pair(old: old.full, new: new.full), at: path)
    if self.found.count > count { self.tell(.fieldNamedTypeChanged, path) }
  }

  private static func local(_ type: ProtobufTypes.Found) -> Substring {
    type.package.isEmpty ? type.full[...] : type.full.dropFirst(type.package.count + 1)
  }

  /// The types whose values have one form on the wire.
  private static func family(_ type: String) -> String {
    switch type {
    case "int32", "int64", "uint32", "uint64", "bool", "enum": "number"
    case "sint32", "sint64": "signed number"
    case "string", "bytes": "string or bytes"
    case "fixed32", "sfixed32": "fixed32"
    case "fixed64", "sfixed64": "fixed64"
    default: type
    }
  }
}
