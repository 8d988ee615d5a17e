import GodwitWire

/// An Avro schema (specification 1.12, "Schema Declaration"), as a list of types that refer to each
/// other by their place in it, so that a recursive type needs no cycle in memory.
///
/// Types that came from schemas which this one refers to are in the list, and not in its text.
public struct AvroSchema: Hashable, Sendable {
  /// A type without parts.
  enum Primitive: String, Hashable, Sendable {
    case null, boolean, int, long, float, double, bytes, string
  }

  /// A full name and the others that it goes by.
  struct Name: Hashable, Sendable {
    var full: String
    var aliases: [String] = []
    var documentation: String?

    /// The name without its namespace.
    var short: String {
      self.full.lastIndex(of: ".").map { String(self.full[self.full.index(after: $0)...]) }
        ?? self.full
    }

    /// The namespace; empty for none.
    var space: String {
      self.full.lastIndex(of: ".").map { String(self.full[..<$0]) } ?? ""
    }
  }

  /// A field of a record.
  struct Field: Hashable, Sendable {
    var name: String
    var type: Int
    var documentation: String?
    var defaultValue: JSONValue?
    var order = "ascending"
    var aliases: [String] = []
    var properties: [JSONValue.Member] = []
  }

  /// What a type is made of.
  enum Kind: Hashable, Sendable {
    case primitive(Primitive)
    case array(Int)
    case map(Int)
    case union([Int])
    case fixed(Name, size: Int)
    case enumeration(Name, symbols: [String], defaultSymbol: String?)
    case record(Name, fields: [Field], isError: Bool)
  }

  /// A type, and what else its text says of it, such as a logical type.
  struct Node: Hashable, Sendable {
    var kind: Kind
    var properties: [JSONValue.Member] = []
  }

  var nodes: [Node]
  var root: Int
  /// The names that other schemas have defined.
  var foreignNames: Set<String>

  /// Reads a schema.
  ///
  /// - Parameters:
  ///   - text: JSON.
  ///   - references: the schemas that it needs, each after those that it needs itself.
  ///   - limits: bounds.
  /// - Throws: `SchemaError`.
  public init(
    parsing text: String, references: [ReferencedSchema] = [], limits: SchemaLimits = .defaults
  ) throws(SchemaError) {
    var parser = AvroParser(limits: limits)
    // One may be needed by several, under several names.
    var seen: Set<String> = []
    for reference in references where seen.insert(reference.text).inserted {
      _ = try parser.schema(reference.text)
    }
    self.foreignNames = Set(parser.names.keys)
    self.root = try parser.schema(text)
    self.nodes = parser.nodes
  }
}

extension AvroSchema.Kind {
  /// The name of a record, an enum or a fixed.
  var name: AvroSchema.Name? {
    switch self {
    case .fixed(let name, _), .enumeration(let name, _, _), .record(let name, _, _): name
    case .primitive, .array, .map, .union: nil
    }
  }

  /// What the specification calls it.
  var word: String {
    switch self {
    case .primitive(let primitive): primitive.rawValue
    case .array: "array"
    case .map: "map"
    case .union: "union"
    case .fixed: "fixed"
    case .enumeration: "enum"
    case .record(_, _, let isError): isError ? "error" : "record"
    }
  }
}
