import GodwitWire

/// Makes a list of schemas from documents.
struct JSONSchemaParser {
  private typealias Place = JSONSchemaDocuments.Place

  let documents: JSONSchemaDocuments
  let limits: SchemaLimits
  private(set) var nodes: [JSONSchema.Node] = []
  private var budget: WorkBudget
  /// The schemas that are referred to, by where they are.
  private var targets: [String: Int] = [:]
  /// Those of them that are not read yet.
  private var waiting: [(index: Int, place: JSONSchemaDocuments.Place)] = []

  init(documents: JSONSchemaDocuments, limits: SchemaLimits) {
    self.documents = documents
    self.limits = limits
    self.budget = WorkBudget(steps: limits.stepsMax)
  }

  /// Reads a document and all that it refers to, and answers where its schema is.
  mutating func document(_ number: Int) throws(SchemaError) -> Int {
    let root = try self.schema(self.documents.roots[number])
    while let (index, place) = self.waiting.popLast() {
      self.nodes[index].kind = .reference(try self.schema(place))
    }
    return root
  }

  private mutating func add(
    _ kind: JSONSchema.Kind, _ source: JSONValue
  ) throws(SchemaError) -> Int {
    guard self.nodes.count < self.limits.nodesMax else {
      throw SchemaError(.tooLarge, "more than \(self.limits.nodesMax) schemas in one")
    }
    self.nodes.append(
      JSONSchema.Node(
        kind: kind, source: source, hasDefault: source["default"] != nil,
        isConnectBytes: source["connect.type"] == .string("bytes")))
    return self.nodes.count - 1
  }

  private func inside(_ value: JSONValue, _ place: Place) -> Place {
    var inner = place
    inner.value = value
    return inner
  }

  private mutating func schema(
    _ value: JSONValue, in place: Place
  ) throws(SchemaError) -> Int {
    try self.schema(self.inside(value, place))
  }

  private mutating func schema(_ around: Place) throws(SchemaError) -> Int {
    var place = around
    let json = place.value
    switch json {
    case .bool(let isTrue): return try self.add(isTrue ? .anything : .nothing, json)
    case .object: break
    case .null, .integer, .double, .string, .array:
      throw .invalid("a schema is an object, true or false")
    }
    if let id = json["$id"]?.string ?? json["id"]?.string {
      let (base, fragment) = JSONSchemaDocuments.split(
        JSONSchemaDocuments.resolve(id, against: place.base))
      if fragment.isEmpty { place.base = base }
    }
    var parts: [Int] = []
    if let reference = (json["$ref"] ?? json["$dynamicRef"])?.string {
      let index = try self.reference(reference, json, from: place)
      // Up to draft 7, nothing else counts beside a reference.
      guard place.isModern else { return index }
      parts.append(index)
    }
    try self.addValues(json, place, to: &parts)
    try self.addTypes(json, place, to: &parts)
    for criterion in [JSONSchema.Criterion.all, .any, .one] {
      guard let list = json[criterion.rawValue] else { continue }
      parts.append(try self.combination(criterion, list, json, place))
    }
    switch parts.count {
    case 0: return try self.add(.anything, json)
    case 1:
      if json["default"] != nil { self.nodes[parts[0]].hasDefault = true }
      return parts[0]
    default: return try self.add(.combination(.all, parts), json)
    }
  }

  private mutating func reference(
    _ reference: String, _ json: JSONValue, from place: Place
  ) throws(SchemaError) -> Int {
    guard let found = try self.documents.find(reference, from: place, &self.budget) else {
      throw .invalid("the reference \(reference.prefix(256)) means nothing that is known")
    }
    if let known = self.targets[found.key] { return try self.add(.reference(known), json) }
    let target = try self.add(.anything, found.place.value)
    self.targets[found.key] = target
    self.waiting.append((target, found.place))
    return try self.add(.reference(target), json)
  }

  private mutating func combination(
    _ criterion: JSONSchema.Criterion, _ list: JSONValue, _ json: JSONValue, _ place: Place
  ) throws(SchemaError) -> Int {
    guard let elements = list.elements, !elements.isEmpty else {
      throw .invalid("\(criterion.rawValue) is no list of schemas")
    }
    var schemas: [Int] = []
    for element in elements { schemas.append(try self.schema(element, in: place)) }
    return try self.add(.combination(criterion, schemas), json)
  }

  private mutating func addValues(
    _ json: JSONValue, _ place: Place, to parts: inout [Int]
  ) throws(SchemaError) {
    if let list = json["enum"] {
      guard let values = list.elements else { throw .invalid("enum is no list") }
      parts.append(try self.add(.enumeration(values), json))
    }
    if let value = json["const"] { parts.append(try self.add(.constant(value), json)) }
    if let other = json["not"] {
      let schema = try self.schema(other, in: place)
      parts.append(try self.add(.not(schema), json))
    }
    if let condition = json["if"] {
      for part in [condition, json["then"], json["else"]] {
        if let part { _ = try self.schema(part, in: place) }
      }
      parts.append(try self.add(.conditional, json))
    }
  }

  // MARK: Types

  private static let ofStrings = ["minLength", "maxLength", "pattern", "format"]
  private static let ofNumbers = [
    "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf",
  ]
  private static let ofLists = [
    "items", "prefixItems", "additionalItems", "unevaluatedItems", "minItems", "maxItems",
    "uniqueItems", "contains", "minContains", "maxContains",
  ]
  private static let ofObjects = [
    "properties", "required", "minProperties", "maxProperties", "dependencies",
    "dependentRequired", "dependentSchemas", "patternProperties", "additionalProperties",
    "unevaluatedProperties", "propertyNames",
  ]

  private mutating func addTypes(
    _ json: JSONValue, _ place: Place, to parts: inout [Int]
  ) throws(SchemaError) {
    switch json["type"] {
    case .string(let name): parts.append(try self.type(name, json, place))
    case .array(let names):
      var types: [Int] = []
      for name in names {
        guard let name = name.string else { throw .invalid("a type is a name") }
        types.append(try self.type(name, json, place))
      }
      guard let first = types.first else { throw .invalid("type is an empty list") }
      parts.append(types.count == 1 ? first : try self.add(.combination(.any, types), json))
    case nil:
      let kinds = [
        (Self.ofStrings, "string"), (Self.ofNumbers, "number"), (Self.ofLists, "array"),
        (Self.ofObjects, "object"),
      ]
      for (keywords, name) in kinds where keywords.contains(where: { json[$0] != nil }) {
        parts.append(try self.type(name, json, place))
      }
    default: throw .invalid("type is a name or a list of names")
    }
  }

  private mutating func type(
    _ name: String, _ json: JSONValue, _ place: Place
  ) throws(SchemaError) -> Int {
    switch name {
    case "null": return try self.add(.null, json)
    case "boolean": return try self.add(.boolean, json)
    case "string":
      let pattern = json["pattern"]
      guard pattern == nil || pattern?.string != nil else { throw .invalid("pattern is no text") }
      return try self.add(
        .string(
          JSONSchema.Strings(
            minLength: try Self.number(json, "minLength"),
            maxLength: try Self.number(json, "maxLength"), pattern: pattern?.string)), json)
    case "number", "integer":
      return try self.add(.number(try Self.numbers(json, areWhole: name == "integer")), json)
    case "array": return try self.add(.list(try self.lists(json, place)), json)
    case "object": return try self.add(.object(try self.objects(json, place)), json)
    default: throw .invalid("unknown type: \(name.prefix(64))")
    }
  }

  private static func number(
    _ json: JSONValue, _ keyword: String
  ) throws(SchemaError) -> Double? {
    guard let value = json[keyword] else { return nil }
    guard let number = value.double else { throw .invalid("\(keyword) is no number") }
    return number
  }

  private static func numbers(
    _ json: JSONValue, areWhole: Bool
  ) throws(SchemaError) -> JSONSchema.Numbers {
    var numbers = JSONSchema.Numbers(areWhole: areWhole)
    numbers.minimum = try Self.number(json, "minimum")
    numbers.maximum = try Self.number(json, "maximum")
    numbers.multipleOf = try Self.number(json, "multipleOf")
    // In draft 4, these say that the bound itself is not within.
    if let flag = json["exclusiveMinimum"]?.bool {
      if flag { swap(&numbers.minimum, &numbers.exclusiveMinimum) }
    } else {
      numbers.exclusiveMinimum = try Self.number(json, "exclusiveMinimum")
    }
    if let flag = json["exclusiveMaximum"]?.bool {
      if flag { swap(&numbers.maximum, &numbers.exclusiveMaximum) }
    } else {
      numbers.exclusiveMaximum = try Self.number(json, "exclusiveMaximum")
    }
    return numbers
  }

  private mutating func rest(
    _ json: JSONValue?, _ place: Place
  ) throws(SchemaError) -> JSONSchema.Rest {
    switch json {
    case nil, .bool(true): .anything
    case .bool(false): .nothing
    case .some(let schema): .schema(try self.schema(schema, in: place))
    }
  }

  private mutating func lists(
    _ json: JSONValue, _ place: Place
  ) throws(SchemaError) -> JSONSchema.Lists {
    var lists = JSONSchema.Lists()
    if let first = (json["prefixItems"] ?? json["items"])?.elements {
      for item in first { lists.first.append(try self.schema(item, in: place)) }
      let hasPrefix = json["prefixItems"] != nil
      lists.rest = try self.rest(hasPrefix ? json["items"] : json["additionalItems"], place)
    } else if let items = json["items"] {
      lists.all = try self.schema(items, in: place)
    } else {
      lists.rest = try self.rest(json["additionalItems"], place)
    }
    if let unevaluated = json["unevaluatedItems"] {
      lists.unevaluated = try self.schema(unevaluated, in: place)
    }
    if let contained = json["contains"] { _ = try self.schema(contained, in: place) }
    lists.minItems = try Self.number(json, "minItems")
    lists.maxItems = try Self.number(json, "maxItems")
    lists.minContains = try Self.number(json, "minContains")
    lists.maxContains = try Self.number(json, "maxContains")
    lists.areUnique = json["uniqueItems"]?.bool ?? false
    return lists
  }

  private static func members(
    _ json: JSONValue, _ keyword: String
  ) throws(SchemaError) -> [JSONValue.Member] {
    guard let value = json[keyword] else { return [] }
    guard let members = value.members else { throw .invalid("\(keyword) is no object") }
    return members
  }

  private static func names(_ json: JSONValue, _ what: String) throws(SchemaError) -> Set<String> {
    var names: Set<String> = []
    for element in json.elements ?? [] {
      guard let name = element.string else { throw .invalid("\(what) is no list of names") }
      names.insert(name)
    }
    return names
  }

  private mutating func objects(
    _ json: JSONValue, _ place: Place
  ) throws(SchemaError) -> JSONSchema.Objects {
    var objects = JSONSchema.Objects()
    for member in try Self.members(json, "properties") {
      let schema = try self.schema(member.value, in: place)
      if objects.properties.updateValue(schema, forKey: member.name) == nil {
        objects.names.append(member.name)
      }
    }
    // In draft 3 it was a word of each property's own.
    if let required = json["required"], required.bool == nil {
      guard required.elements != nil else { throw .invalid("required is no list of names") }
      objects.required = try Self.names(required, "required")
    }
    for member in try Self.members(json, "patternProperties") {
      let schema = try self.schema(member.value, in: place)
      objects.patterns.append(JSONSchema.Pattern(text: member.name, schema: schema))
    }
    objects.rest = try self.rest(json["additionalProperties"], place)
    if let unevaluated = json["unevaluatedProperties"] {
      objects.unevaluated = try self.schema(unevaluated, in: place)
    }
    for keyword in ["dependencies", "dependentRequired", "dependentSchemas"] {
      for member in try Self.members(json, keyword) {
        if member.value.elements != nil {
          objects.dependencies[member.name] = try Self.names(member.value, keyword)
        } else {
          objects.schemaDependencies[member.name] = try self.schema(member.value, in: place)
        }
      }
    }
    if let names = json["propertyNames"] { _ = try self.schema(names, in: place) }
    objects.minProperties = try Self.number(json, "minProperties")
    objects.maxProperties = try Self.number(json, "maxProperties")
    return objects
  }
}
