import GodwitWire

/// What a client asks of the registry.
public struct RegistryRequest: Sendable {
  /// The method of HTTP.
  public var method: String
  /// The parts of the path, decoded. A subject may have a slash in its name.
  public var path: [String]
  /// The query's names and values, decoded, in order.
  public var query: [(name: String, value: String)]
  /// The body.
  public var body: [UInt8]

  /// A request.
  public init(
    _ method: String, _ path: [String], query: [(name: String, value: String)] = [],
    body: [UInt8] = []
  ) {
    self.method = method
    self.path = path
    self.query = query
    self.body = body
  }

  /// Whether a path, as it stands in the request, is one of the registry's.
  public static func owns(path: Substring) -> Bool {
    let first = path.drop { $0 == "/" }.prefix { $0 != "/" }
    return ["subjects", "schemas", "config", "mode", "compatibility", "contexts"].contains(first)
  }

  func first(_ name: String) -> String? {
    self.query.first { $0.name == name }?.value
  }

  func flag(_ name: String) -> Bool {
    self.first(name)?.lowercased() == "true"
  }

  /// A number of the query; `nil` where it is absent or negative.
  func number(_ name: String) -> Int? {
    self.first(name).flatMap { Int($0) }.flatMap { $0 < 0 ? nil : $0 }
  }

  /// The part of a list that `offset` and `limit` are about.
  func page<T>(of list: [T], max bound: Int) -> [T] {
    let limit = self.number("limit").flatMap { $0 == 0 ? nil : $0 } ?? bound
    return Array(list.dropFirst(self.number("offset") ?? 0).prefix(min(limit, bound)))
  }

  /// The body as an object.
  func object() throws(RegistryError) -> JSONValue {
    let json: JSONValue
    do throws(JSONError) {
      json = try JSONValue(parsing: self.body)
    } catch {
      throw RegistryError(400, "The request's body is no JSON: \(error)")
    }
    guard json.members != nil else {
      throw RegistryError(400, "The request's body is no JSON object")
    }
    return json
  }
}

/// A schema as a client sends it.
struct SchemaRequest {
  var text: String
  var type: SchemaType
  var references: [SchemaReference] = []
  /// The id that it shall have; `nil` for the next one.
  var id: Int?
  /// The version that it shall have; `nil` for the next one.
  var version: Int?

  init(_ request: RegistryRequest) throws(RegistryError) {
    let json = try request.object()
    guard let text = json["schema"]?.string, !text.isEmpty else {
      throw .invalidSchema("Empty schema")
    }
    self.text = text
    let name = json["schemaType"]?.string ?? ""
    guard let type = name.isEmpty ? .avro : SchemaType(rawValue: name) else {
      throw .invalidSchema("Invalid schema type \(name.prefix(64))")
    }
    self.type = type
    for name in ["metadata", "ruleSet"] {
      guard (json[name] ?? .null) == .null else {
        throw .invalidSchema("\(name) is not supported by this registry")
      }
    }
    if let list = json["references"], list != .null {
      guard let elements = list.elements else { throw .invalidSchema("references are no list") }
      for element in elements { self.references.append(try Self.reference(element)) }
    }
    self.id = try Self.positive(json["id"], "id")
    self.version = try Self.positive(json["version"], "version")
  }

  private static func reference(_ json: JSONValue) throws(RegistryError) -> SchemaReference {
    guard let name = json["name"]?.string, let subject = json["subject"]?.string,
      let version = json["version"]?.integer, let number = Int32(exactly: version),
      number > 0 || number == -1
    else { throw .invalidSchema("a reference needs a name, a subject and a version") }
    return SchemaReference(name: name, subject: subject, version: Int(number))
  }

  /// A number that a client wants something to have; zero and less mean any.
  private static func positive(
    _ json: JSONValue?, _ what: String
  ) throws(RegistryError) -> Int? {
    guard let json, json != .null else { return nil }
    guard let number = json.integer.flatMap({ Int32(exactly: $0) }) else {
      throw .invalidSchema("\(what) is no whole number of 31 bits")
    }
    return number > 0 ? Int(number) : nil
  }
}
