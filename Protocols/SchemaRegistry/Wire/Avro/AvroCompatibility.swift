/// What keeps one schema's reader from the data of another one's writer.
struct AvroIncompatibility: Hashable, Sendable {
  /// The kinds, by the names that the registry's answers have for them.
  enum Kind: String, Hashable, Sendable {
    case nameMismatch = "NAME_MISMATCH"
    case fixedSizeMismatch = "FIXED_SIZE_MISMATCH"
    case missingEnumSymbols = "MISSING_ENUM_SYMBOLS"
    case missingDefault = "READER_FIELD_MISSING_DEFAULT_VALUE"
    case typeMismatch = "TYPE_MISMATCH"
    case missingUnionBranch = "MISSING_UNION_BRANCH"
  }

  var kind: Kind
  /// Where in the reader's schema.
  var path: String
  /// What it is about.
  var detail: String
}

/// Schema resolution (specification 1.12, "Schema Resolution"): whether a reader of one schema
/// can read what a writer of another one wrote. Names are compared without their namespaces, as the
/// Java library does, and logical types do not count.
struct AvroCompatibility {
  private struct Pair: Hashable {
    var reader: Int
    var writer: Int
  }

  /// More are not told.
  private static let tellMax = 16

  let reader: AvroSchema
  let writer: AvroSchema
  let limits: SchemaLimits
  var budget: WorkBudget
  /// What was found, or is being looked for: types that refer to themselves are taken to fit as
  /// long as nothing else is found.
  private var known: [Pair: [AvroIncompatibility]] = [:]
  private var depth = 0

  init(
    reader: AvroSchema, writer: AvroSchema, budget: WorkBudget, limits: SchemaLimits = .defaults
  ) {
    self.reader = reader
    self.writer = writer
    self.budget = budget
    self.limits = limits
  }

  /// All that does not fit, at most 16; empty when everything does.
  mutating func incompatibilities() throws(SchemaError) -> [AvroIncompatibility] {
    try self.compare(self.reader.root, self.writer.root, at: "")
  }

  private mutating func compare(
    _ read: Int, _ written: Int, at path: String
  ) throws(SchemaError) -> [AvroIncompatibility] {
    let pair = Pair(reader: read, writer: written)
    if let found = self.known[pair] { return found }
    try self.budget.spend()
    guard self.depth < self.limits.chainMax else {
      throw SchemaError(.tooLarge, "types that refer to each other in too long a chain")
    }
    self.depth += 1
    defer { self.depth -= 1 }
    self.known[pair] = []
    let found = Array(try self.look(read, written, at: path).prefix(Self.tellMax))
    self.known[pair] = found
    return found
  }

  private mutating func look(
    _ read: Int, _ written: Int, at path: String
  ) throws(SchemaError) -> [AvroIncompatibility] {
    let reader = self.reader.nodes[read].kind
    let writer = self.writer.nodes[written].kind
    switch (reader, writer) {
    case (_, .union(let branches)):
      return try self.readAll(branches, by: read, at: path)
    case (.union(let branches), _):
      for branch in branches where try self.compare(branch, written, at: path).isEmpty {
        return []
      }
      return [
        AvroIncompatibility(
          kind: .missingUnionBranch, path: path,
          detail: "reader union lacking writer type: \(writer.word.uppercased())")
      ]
    case (.primitive(let reads), .primitive(let writes)):
      return reads == writes || reads.reads(writes) ? [] : [Self.mismatch(reader, writer, path)]
    case (.array(let item), .array(let other)):
      return try self.compare(item, other, at: "\(path)/items")
    case (.map(let item), .map(let other)):
      return try self.compare(item, other, at: "\(path)/values")
    case (.fixed(let name, let size), .fixed(let other, let otherSize)):
      guard size != otherSize else { return Self.names(name, other, path) }
      return Self.names(name, other, path) + [
        AvroIncompatibility(
          kind: .fixedSizeMismatch, path: "\(path)/size",
          detail: "expected: \(otherSize), found: \(size)")
      ]
    case (
      .enumeration(let name, let symbols, let fallback), .enumeration(let other, let others, _)
    ):
      try self.budget.spend(symbols.count + others.count)
      return Self.names(name, other, path) + Self.symbols(symbols, fallback, others, path)
    case (.record(let name, let fields, _), .record(let other, let others, _)):
      return Self.names(name, other, path)
        + (try self.compare(fields, written: others, at: path))
    default:
      return [Self.mismatch(reader, writer, path)]
    }
  }

  /// Every type that may have been written must be readable.
  private mutating func readAll(
    _ branches: [Int], by read: Int, at path: String
  ) throws(SchemaError) -> [AvroIncompatibility] {
    var found: [AvroIncompatibility] = []
    let readsUnion = if case .union = self.reader.nodes[read].kind { true } else { false }
    for (index, branch) in branches.enumerated() {
      let here = readsUnion ? "\(path)/\(index)" : path
      found += try self.compare(read, branch, at: here)
      if found.count > Self.tellMax { break }
    }
    return found
  }

  private static func mismatch(
    _ reader: AvroSchema.Kind, _ writer: AvroSchema.Kind, _ path: String
  ) -> AvroIncompatibility {
    AvroIncompatibility(
      kind: .typeMismatch, path: path,
      detail: "reader type: \(reader.word.uppercased()) not compatible with writer type: "
        + writer.word.uppercased())
  }

  private static func names(
    _ reader: AvroSchema.Name, _ writer: AvroSchema.Name, _ path: String
  ) -> [AvroIncompatibility] {
    guard reader.short != writer.short, !reader.aliases.contains(writer.full) else { return [] }
    return [
      AvroIncompatibility(
        kind: .nameMismatch, path: "\(path)/name", detail: "expected: \(writer.full)")
    ]
  }

  private static func symbols(
    _ symbols: [String], _ fallback: String?, _ written: [String], _ path: String
  ) -> [AvroIncompatibility] {
    let missing = Set(written).subtracting(symbols)
    guard !missing.isEmpty, fallback == nil else { return [] }
    let names = missing.sorted().prefix(Self.tellMax).joined(separator: ", ")
    return [
      AvroIncompatibility(kind: .missingEnumSymbols, path: "\(path)/symbols", detail: "[\(names)]")
    ]
  }

  private mutating func compare(
    _ fields: [AvroSchema.Field], written others: [AvroSchema.Field], at path: String
  ) throws(SchemaError) -> [AvroIncompatibility] {
    try self.budget.spend(fields.count + others.count)
    let byName = Dictionary(others.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
    var found: [AvroIncompatibility] = []
    for (index, field) in fields.enumerated() where found.count < Self.tellMax {
      let here = "\(path)/fields/\(index)"
      let named = ([field.name] + field.aliases).lazy.compactMap { byName[$0] }.first
      if let other = named {
        found += try self.compare(field.type, other.type, at: "\(here)/type")
      } else if field.defaultValue == nil, !self.hasOwnDefault(field.type) {
        found.append(AvroIncompatibility(kind: .missingDefault, path: here, detail: field.name))
      }
    }
    return found
  }

  /// An enum with a default of its own stands in for a field that nobody wrote.
  private func hasOwnDefault(_ type: Int) -> Bool {
    guard case .enumeration(_, _, let fallback) = self.reader.nodes[type].kind else {
      return false
    }
    return fallback != nil
  }
}

extension AvroSchema.Primitive {
  /// Whether a reader of this type is promised values of another one.
  func reads(_ writer: Self) -> Bool {
    switch self {
    case .long: writer == .int
    case .float: writer == .int || writer == .long
    case .double: writer == .int || writer == .long || writer == .float
    case .bytes: writer == .string
    case .string: writer == .bytes
    case .null, .boolean, .int: false
    }
  }
}

extension AvroIncompatibility {
  /// As the registry's answers say it.
  ///
  /// - Parameters:
  ///   - reader: what the reader's schema is called: the new or the old one.
  ///   - writer: what the writer's schema is called.
  func message(reader: String, writer: String) -> String {
    let place = self.path.isEmpty ? "/" : self.path
    let detail = self.detail.prefix(256)
    let description =
      switch self.kind {
      case .nameMismatch: "The name of the schema has changed (path '\(place)')"
      case .fixedSizeMismatch:
        "The size of FIXED type field at path '\(place)' in the \(reader) schema does not match "
          + "with the \(writer) schema"
      case .missingEnumSymbols:
        "The \(reader) schema is missing enum symbols '\(detail)' at path '\(place)' in the "
          + "\(writer) schema"
      case .missingDefault:
        "The field '\(detail)' at path '\(place)' in the \(reader) schema has no default value "
          + "and is missing in the \(writer) schema"
      case .typeMismatch:
        "The type (path '\(place)') of a field in the \(reader) schema does not match with the "
          + "\(writer) schema"
      case .missingUnionBranch:
        "The \(reader) schema is missing a type inside a union field at path '\(place)' in the "
          + "\(writer) schema"
      }
    return "{errorType:'\(self.kind.rawValue)', description:'\(description)', "
      + "additionalInfo:'\(detail)'}"
  }
}
