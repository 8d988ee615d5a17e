import GodwitWire

/// Reads schemas into one list of types; names that one defines are known to those after it.
struct AvroParser {
  let limits: SchemaLimits
  private(set) var nodes: [AvroSchema.Node] = []
  /// The types that have a name, by their full one.
  private(set) var names: [String: Int] = [:]
  /// What comparing defaults with their types may still take: a default can be tried in many ways.
  var budget: WorkBudget

  init(limits: SchemaLimits) {
    self.limits = limits
    self.budget = WorkBudget(steps: limits.stepsMax)
  }

  /// Reads a schema, and answers the place of its type.
  mutating func schema(_ text: String) throws(SchemaError) -> Int {
    let first = self.nodes.count
    let root = try self.type(try self.limits.json(text), space: "")
    for index in first..<self.nodes.count { try self.checkDefaults(of: index) }
    return root
  }

  private mutating func add(_ kind: AvroSchema.Kind) throws(SchemaError) -> Int {
    guard self.nodes.count < self.limits.nodesMax else {
      throw SchemaError(.tooLarge, "a schema of more than \(self.limits.nodesMax) types")
    }
    self.nodes.append(AvroSchema.Node(kind: kind))
    return self.nodes.count - 1
  }

  private mutating func type(_ json: JSONValue, space: String) throws(SchemaError) -> Int {
    switch json {
    case .string(let name): return try self.named(name, space: space)
    case .array(let branches): return try self.union(branches, space: space)
    case .object: return try self.declared(json, space: space)
    case .null, .bool, .integer, .double:
      throw .invalid("a type is a name, an object or a list")
    }
  }

  /// A type by its name: a primitive one, or one that was defined before.
  private mutating func named(_ name: String, space: String) throws(SchemaError) -> Int {
    if let primitive = AvroSchema.Primitive(rawValue: name) {
      return try self.add(.primitive(primitive))
    }
    if !name.contains("."), !space.isEmpty, let index = self.names["\(space).\(name)"] {
      return index
    }
    guard let index = self.names[name] else { throw .invalid("undefined name: \(name)") }
    return index
  }

  private mutating func union(_ branches: [JSONValue], space: String) throws(SchemaError) -> Int {
    var types: [Int] = []
    var seen: Set<String> = []
    for branch in branches {
      let type = try self.type(branch, space: space)
      let kind = self.nodes[type].kind
      if case .union = kind { throw .invalid("a union directly within a union") }
      guard seen.insert(kind.name?.full ?? kind.word).inserted else {
        throw .invalid("a union has \(kind.name?.full ?? kind.word) twice")
      }
      types.append(type)
    }
    return try self.add(.union(types))
  }

  private mutating func declared(_ json: JSONValue, space: String) throws(SchemaError) -> Int {
    guard let type = json["type"] else { throw .invalid("an object without a type") }
    guard let word = type.string else { return try self.type(type, space: space) }
    switch word {
    case "record", "error": return try self.record(json, isError: word == "error", space: space)
    case "enum": return try self.enumeration(json, space: space)
    case "fixed": return try self.fixed(json, space: space)
    case "array":
      guard let items = json["items"] else { throw .invalid("an array without items") }
      let element = try self.type(items, space: space)
      return try self.add(.array(element), json, knowing: ["type", "items"])
    case "map":
      guard let values = json["values"] else { throw .invalid("a map without values") }
      let element = try self.type(values, space: space)
      return try self.add(.map(element), json, knowing: ["type", "values"])
    default:
      let index = try self.named(word, space: space)
      if AvroSchema.Primitive(rawValue: word) != nil {
        self.nodes[index].properties = Self.properties(json, knowing: ["type"])
      }
      return index
    }
  }

  private mutating func add(
    _ kind: AvroSchema.Kind, _ json: JSONValue, knowing known: Set<String>
  ) throws(SchemaError) -> Int {
    let index = try self.add(kind)
    self.nodes[index].properties = Self.properties(json, knowing: known)
    return index
  }

  /// What the specification has no name for, in the order of the text, each name once.
  private static func properties(
    _ json: JSONValue, knowing known: Set<String>
  ) -> [JSONValue.Member] {
    var seen = known
    return (json.members ?? []).filter { seen.insert($0.name).inserted }
  }

  // MARK: Types with names

  private mutating func fixed(_ json: JSONValue, space: String) throws(SchemaError) -> Int {
    let name = try self.name(of: json, space: space)
    guard let size = json["size"]?.integer, (0...Int64(Int32.max)).contains(size) else {
      throw .invalid("the size of fixed \(name.full) is no whole number from 0")
    }
    return try self.define(
      .fixed(name, size: Int(size)), json,
      knowing: ["type", "name", "namespace", "aliases", "doc", "size"])
  }

  private mutating func enumeration(_ json: JSONValue, space: String) throws(SchemaError) -> Int {
    let name = try self.name(of: json, space: space)
    guard let list = json["symbols"]?.elements else {
      throw .invalid("enum \(name.full) without symbols")
    }
    var symbols: [String] = []
    var seen: Set<String> = []
    for element in list {
      guard let symbol = element.string, Self.isName(symbol[...]) else {
        throw .invalid("a symbol of enum \(name.full) is no name")
      }
      guard seen.insert(symbol).inserted else {
        throw .invalid("enum \(name.full) has \(symbol) twice")
      }
      symbols.append(symbol)
    }
    let fallback = json["default"]
    if let fallback {
      guard let symbol = fallback.string, seen.contains(symbol) else {
        throw .invalid("the default of enum \(name.full) is none of its symbols")
      }
    }
    return try self.define(
      .enumeration(name, symbols: symbols, defaultSymbol: fallback?.string), json,
      knowing: ["type", "name", "namespace", "aliases", "doc", "symbols", "default"])
  }

  private mutating func record(
    _ json: JSONValue, isError: Bool, space: String
  ) throws(SchemaError) -> Int {
    let name = try self.name(of: json, space: space)
    guard let list = json["fields"]?.elements else {
      throw .invalid("record \(name.full) without fields")
    }
    // Its own fields may be of its type.
    let index = try self.define(
      .record(name, fields: [], isError: isError), json,
      knowing: ["type", "name", "namespace", "aliases", "doc", "fields"])
    var fields: [AvroSchema.Field] = []
    var seen: Set<String> = []
    for element in list {
      let field = try self.field(element, of: name)
      guard seen.insert(field.name).inserted else {
        throw .invalid("record \(name.full) has the field \(field.name) twice")
      }
      fields.append(field)
    }
    self.nodes[index].kind = .record(name, fields: fields, isError: isError)
    return index
  }

  private mutating func field(
    _ json: JSONValue, of record: AvroSchema.Name
  ) throws(SchemaError) -> AvroSchema.Field {
    guard let name = json["name"]?.string, Self.isName(name[...]) else {
      throw .invalid("a field of \(record.full) without a name")
    }
    guard let type = json["type"] else {
      throw .invalid("the field \(name) of \(record.full) has no type")
    }
    var field = AvroSchema.Field(name: name, type: try self.type(type, space: record.space))
    field.documentation = json["doc"]?.string
    field.defaultValue = json["default"]
    if let order = json["order"] {
      guard let word = order.string?.lowercased(),
        ["ascending", "descending", "ignore"].contains(word)
      else { throw .invalid("the order of the field \(name) of \(record.full)") }
      field.order = word
    }
    field.aliases = try Self.texts(json["aliases"], "aliases of the field \(name)")
    field.properties = Self.properties(
      json, knowing: ["name", "type", "doc", "default", "order", "aliases"])
    return field
  }

  private mutating func define(
    _ kind: AvroSchema.Kind, _ json: JSONValue, knowing known: Set<String>
  ) throws(SchemaError) -> Int {
    let index = try self.add(kind, json, knowing: known)
    let full = kind.name?.full ?? ""
    guard self.names.updateValue(index, forKey: full) == nil else {
      throw .invalid("\(full) is defined twice")
    }
    return index
  }

  /// The full name of a declaration ("Names"): a name with dots is one; otherwise the namespace
  /// stands before it, its own or the one around it.
  private func name(of json: JSONValue, space: String) throws(SchemaError) -> AvroSchema.Name {
    guard let text = json["name"]?.string else { throw .invalid("a type without a name") }
    let own = json["namespace"]?.string ?? space
    let full = text.contains(".") || own.isEmpty ? text : "\(own).\(text)"
    try self.limits.check(name: full)
    let parts = full.split(separator: ".", omittingEmptySubsequences: false)
    guard parts.allSatisfy({ Self.isName($0) }) else { throw .invalid("illegal name: \(full)") }
    guard AvroSchema.Primitive(rawValue: full) == nil else {
      throw .invalid("\(full) is the name of a primitive type")
    }
    var name = AvroSchema.Name(full: full, documentation: json["doc"]?.string)
    let around = name.space
    name.aliases = try Self.texts(json["aliases"], "aliases of \(full)").map { alias in
      alias.contains(".") || around.isEmpty ? alias : "\(around).\(alias)"
    }
    for alias in name.aliases { try self.limits.check(name: alias) }
    return name
  }

  private static func texts(
    _ json: JSONValue?, _ what: String
  ) throws(SchemaError) -> [String] {
    guard let json else { return [] }
    guard let elements = json.elements else { throw .invalid("\(what) are no list") }
    var texts: [String] = []
    for element in elements {
      guard let text = element.string else { throw .invalid("\(what) are no list of names") }
      if !texts.contains(text) { texts.append(text) }
      guard texts.count <= 1_000 else { throw SchemaError(.tooLarge, "too many \(what)") }
    }
    return texts
  }

  private static func isName(_ text: Substring) -> Bool {
    guard let first = text.utf8.first, !(0x30...0x39).contains(first) else { return false }
    return text.utf8.allSatisfy { byte in
      (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
        || byte == UInt8(ascii: "_")
    }
  }
}
