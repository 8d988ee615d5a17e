/// A schema of any language, read.
public enum ParsedSchema: Hashable, Sendable {
  /// Avro.
  case avro(AvroSchema)
  /// JSON Schema.
  case json(JSONSchema)
  /// Protocol Buffers.
  case protobuf(ProtobufSchema)

  /// Reads a schema.
  ///
  /// - Parameters:
  ///   - text: its text.
  ///   - type: its language.
  ///   - references: the schemas that it needs, each after those that it needs itself.
  ///   - limits: bounds.
  /// - Throws: `SchemaError`.
  public init(
    _ text: String, type: SchemaType, references: [ReferencedSchema] = [],
    limits: SchemaLimits = .defaults
  ) throws(SchemaError) {
    guard text.utf8.count <= limits.bytesMax else {
      throw SchemaError(.tooLarge, "a schema of more than \(limits.bytesMax) bytes")
    }
    if let other = references.first(where: { $0.type != type }) {
      throw .invalid("the reference \(other.name) is a schema of another type")
    }
    switch type {
    case .avro:
      self = .avro(try AvroSchema(parsing: text, references: references, limits: limits))
    case .json:
      self = .json(try JSONSchema(parsing: text, references: references, limits: limits))
    case .protobuf:
      self = .protobuf(try ProtobufSchema(parsing: text, references: references, limits: limits))
    }
  }

  /// Its language.
  public var type: SchemaType {
    switch self {
    case .avro: .avro
    case .json: .json
    case .protobuf: .protobuf
    }
  }

  /// The text that is kept: the author's, without what means nothing in the language.
  public var canonical: String {
    switch self {
    case .avro(let schema): schema.canonical
    case .json(let schema): schema.canonical
    case .protobuf(let schema): schema.canonical
    }
  }

  /// The text that is kept where `normalize` was asked for.
  public var normalized: String {
    switch self {
    case .avro(let schema): schema.normalized
    case .json(let schema): schema.normalized
    case .protobuf(let schema): schema.normalized
    }
  }

  /// What keeps readers of this schema from the data of another one's writers; empty when nothing
  /// does.
  ///
  /// - Parameters:
  ///   - writer: the other schema.
  ///   - isNew: whether this is the new one of the two.
  ///   - budget: what the comparison may take.
  /// - Throws: `SchemaError` with `tooLarge` when it would take more.
  public func obstacles(
    reading writer: ParsedSchema, isNew: Bool, budget: inout WorkBudget
  ) throws(SchemaError) -> [String] {
    let (own, other) = isNew ? ("new", "old") : ("old", "new")
    switch (self, writer) {
    case (.avro(let reads), .avro(let writes)):
      var comparison = AvroCompatibility(reader: reads, writer: writes, budget: budget)
      let found = try comparison.incompatibilities()
      budget = comparison.budget
      return found.map { $0.message(reader: own, writer: other) }
    case (.json(let reads), .json(let writes)):
      var comparison = JSONSchemaComparison(old: writes, new: reads, budget: budget)
      let found = try comparison.differences()
      budget = comparison.budget
      return found.map { $0.message(reader: own, writer: other) }
    case (.protobuf(let reads), .protobuf(let writes)):
      var comparison = ProtobufComparison(old: writes, new: reads, budget: budget)
      let found = try comparison.differences()
      budget = comparison.budget
      return found.map { $0.message(reader: own, writer: other) }
    default: return ["Incompatible because of different schema type"]
    }
  }
}
