import GodwitWire

/// A JSON Schema (drafts 4 to 2020-12), as a list of schemas that refer to each other by their
/// place in it. An object of keywords about several things is the conjunction of what each is
/// about, so that every entry is of one kind and comparing two is comparing like with like.
public struct JSONSchema: Hashable, Sendable {
  /// How the schemas of a combination count.
  enum Criterion: String, Hashable, Sendable {
    case all = "allOf"
    case any = "anyOf"
    case one = "oneOf"
  }

  /// What numbers may be.
  struct Numbers: Hashable, Sendable {
    var minimum: Double?
    var maximum: Double?
    var exclusiveMinimum: Double?
    var exclusiveMaximum: Double?
    var multipleOf: Double?
    var areWhole = false
  }

  /// What strings may be.
  struct Strings: Hashable, Sendable {
    var minLength: Double?
    var maxLength: Double?
    var pattern: String?
  }

  /// What a list's or an object's rest may be: what no other keyword names.
  enum Rest: Hashable, Sendable {
    case anything
    case nothing
    case schema(Int)
  }

  /// What lists may be.
  struct Lists: Hashable, Sendable {
    /// The schema of all items, where those at the beginning have none of their own.
    var all: Int?
    /// The schemas of the items at the beginning.
    var first: [Int] = []
    var rest = Rest.anything
    var unevaluated: Int?
    var minItems: Double?
    var maxItems: Double?
    var minContains: Double?
    var maxContains: Double?
    var areUnique = false
  }

  /// What objects may be.
  struct Objects: Hashable, Sendable {
    var properties: [String: Int] = [:]
    /// The properties' names in the order of the text.
    var names: [String] = []
    var required: Set<String> = []
    var patterns: [Pattern] = []
    var rest = Rest.anything
    var unevaluated: Int?
    var dependencies: [String: Set<String>] = [:]
    var schemaDependencies: [String: Int] = [:]
    var minProperties: Double?
    var maxProperties: Double?
  }

  /// The schema of properties whose names match.
  struct Pattern: Hashable, Sendable {
    var text: String
    var schema: Int
  }

  /// What a schema is about.
  enum Kind: Hashable, Sendable {
    case anything
    case nothing
    case null
    case boolean
    case string(Strings)
    case number(Numbers)
    case list(Lists)
    case object(Objects)
    case enumeration([JSONValue])
    case constant(JSONValue)
    case not(Int)
    case conditional
    case combination(Criterion, [Int])
    case reference(Int)
  }

  /// A schema.
  struct Node: Hashable, Sendable {
    var kind: Kind
    /// Its text.
    var source: JSONValue
    var hasDefault = false
    /// Whether Kafka Connect means bytes, whatever the type says.
    var isConnectBytes = false
  }

  var nodes: [Node]
  var root: Int
  /// The text without white space.
  public let canonical: String
  private let value: JSONValue

  /// Reads a schema.
  ///
  /// - Parameters:
  ///   - text: JSON.
  ///   - references: the schemas that it needs, by the URIs by which it refers to them.
  ///   - limits: bounds.
  /// - Throws: `SchemaError`.
  public init(
    parsing text: String, references: [ReferencedSchema] = [], limits: SchemaLimits = .defaults
  ) throws(SchemaError) {
    self.value = try limits.json(text)
    self.canonical = Self.compacted(text)
    var documents = JSONSchemaDocuments()
    for reference in references {
      try documents.add(try limits.json(reference.text), named: reference.name)
    }
    let main = try documents.add(self.value, named: "")
    var parser = JSONSchemaParser(documents: documents, limits: limits)
    self.root = try parser.document(main)
    self.nodes = parser.nodes
  }

  /// The text with the members of its objects in the order of their names.
  public var normalized: String {
    String(decoding: Self.ordered(self.value).encoded, as: UTF8.self)
  }

  private static func ordered(_ value: JSONValue) -> JSONValue {
    switch value {
    case .object(let members):
      .object(members.sorted { $0.name < $1.name }.map { .init($0.name, Self.ordered($0.value)) })
    case .array(let elements): .array(elements.map { Self.ordered($0) })
    case .null, .bool, .integer, .double, .string: value
    }
  }

  /// JSON without white space between its parts; numbers stay as they were written.
  private static func compacted(_ text: String) -> String {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(text.utf8.count)
    var isText = false
    var isEscaped = false
    for byte in text.utf8 {
      switch byte {
      case _ where isEscaped: isEscaped = false
      case UInt8(ascii: "\\"): isEscaped = isText
      case UInt8(ascii: "\""): isText.toggle()
      case 0x20, 0x09, 0x0A, 0x0D:
        if !isText { continue }
      default: break
      }
      bytes.append(byte)
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  /// The schema that is meant, where it is said by reference.
  func meant(_ index: Int) -> Int {
    var index = index
    for _ in 0..<64 {
      guard case .reference(let next) = self.nodes[index].kind else { return index }
      index = next
    }
    return index
  }
}
