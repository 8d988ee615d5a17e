import GodwitWire

/// Changes as the journal has them: a JSON list, one entry for all that one request did, so that a
/// crash leaves all of it or nothing.
extension RegistryChange {
  /// The first byte of an entry.
  private static var format: UInt8 { 1 }

  /// An entry.
  public static func entry(_ changes: [RegistryChange]) -> [UInt8] {
    [Self.format] + JSONValue.array(changes.map(\.json)).encoded
  }

  /// What an entry says.
  ///
  /// - Throws: `SchemaError` when it says nothing that this version understands.
  public static func changes(in entry: [UInt8]) throws(SchemaError) -> [RegistryChange] {
    guard entry.first == Self.format else {
      throw .invalid("an entry of format \(entry.first ?? 0), which this version does not know")
    }
    var limits = JSONLimits()
    limits.bytesMax = 64 << 20
    limits.valuesMax = 1 << 22
    let json: JSONValue
    do throws(JSONError) {
      json = try JSONValue(parsing: Array(entry.dropFirst()), limits: limits)
    } catch {
      throw .invalid("\(error)")
    }
    var changes: [RegistryChange] = []
    for element in json.elements ?? [] {
      guard let change = RegistryChange(element) else {
        throw .invalid("a change called \(element["op"]?.string ?? "nothing")")
      }
      changes.append(change)
    }
    return changes
  }

  private var json: JSONValue {
    switch self {
    case .schema(let id, let schema):
      Self.object(
        "schema",
        [
          ("id", .integer(Int64(id))), ("guid", .string(schema.guid)),
          ("type", .string(schema.type.rawValue)), ("text", .string(schema.text)),
          ("references", .array(schema.references.map(\.json))),
        ])
    case .version(let subject, let number, let id):
      Self.object(
        "version",
        [
          ("subject", .string(subject)), ("version", .integer(Int64(number))),
          ("id", .integer(Int64(id))),
        ])
    case .deleted(let subject, let number):
      Self.object(
        "deleted", [("subject", .string(subject)), ("version", .integer(Int64(number)))])
    case .gone(let subject, let number):
      Self.object("gone", [("subject", .string(subject)), ("version", .integer(Int64(number)))])
    case .level(let subject, let level):
      Self.object(
        "level",
        [
          ("subject", subject.map { .string($0) } ?? .null),
          ("level", level.map { .string($0.rawValue) } ?? .null),
        ])
    case .normalize(let subject, let flag):
      Self.object(
        "normalize",
        [
          ("subject", subject.map { .string($0) } ?? .null),
          ("flag", flag.map { .bool($0) } ?? .null),
        ])
    case .mode(let subject, let mode):
      Self.object(
        "mode",
        [
          ("subject", subject.map { .string($0) } ?? .null),
          ("mode", mode.map { .string($0.rawValue) } ?? .null),
        ])
    case .nextID(let id): Self.object("next", [("id", .integer(Int64(id)))])
    }
  }

  private static func object(_ name: String, _ members: [(String, JSONValue)]) -> JSONValue {
    .object([.init("op", .string(name))] + members.map { .init($0.0, $0.1) })
  }

  private init?(_ json: JSONValue) {
    let id = json["id"]?.integer.flatMap { Int(exactly: $0) }
    let version = json["version"]?.integer.flatMap { Int(exactly: $0) }
    let subject = json["subject"]?.string
    switch json["op"]?.string {
    case "schema":
      guard let id, let guid = json["guid"]?.string,
        let type = json["type"]?.string.flatMap({ SchemaType(rawValue: $0) }),
        let text = json["text"]?.string
      else { return nil }
      let references = (json["references"]?.elements ?? []).compactMap { SchemaReference($0) }
      self = .schema(
        id: id, RegistrySchema(guid: guid, type: type, text: text, references: references))
    case "version":
      guard let id, let version, let subject else { return nil }
      self = .version(subject: subject, number: version, id: id)
    case "deleted":
      guard let version, let subject else { return nil }
      self = .deleted(subject: subject, number: version)
    case "gone":
      guard let version, let subject else { return nil }
      self = .gone(subject: subject, number: version)
    case "level":
      self = .level(
        subject: subject, json["level"]?.string.flatMap { CompatibilityLevel(rawValue: $0) })
    case "normalize": self = .normalize(subject: subject, json["flag"]?.bool)
    case "mode":
      self = .mode(subject: subject, json["mode"]?.string.flatMap { RegistryMode(rawValue: $0) })
    case "next":
      guard let id else { return nil }
      self = .nextID(id)
    default: return nil
    }
  }
}

extension SchemaReference {
  /// As the API and the journal have it.
  var json: JSONValue {
    .object([
      .init("name", .string(self.name)), .init("subject", .string(self.subject)),
      .init("version", .integer(Int64(self.version))),
    ])
  }

  init?(_ json: JSONValue) {
    guard let name = json["name"]?.string, let subject = json["subject"]?.string,
      let version = json["version"]?.integer.flatMap({ Int(exactly: $0) })
    else { return nil }
    self.init(name: name, subject: subject, version: version)
  }
}
