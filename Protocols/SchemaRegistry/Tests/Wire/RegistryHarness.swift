import GodwitWire

@testable import SchemaRegistryWire

/// A registry with a journal in memory: what is answered was written, read again and done.
struct RegistryHarness {
  private(set) var state = RegistryState()
  private(set) var journal: [[UInt8]] = []

  /// What a request is answered.
  mutating func ask(
    _ method: String, _ path: String, _ body: String = "", query: [String: String] = [:]
  ) throws -> JSONValue {
    let request = RegistryRequest(
      method, path.split(separator: "/").map(String.init),
      query: query.map { (name: $0.key, value: $0.value) }, body: Array(body.utf8))
    let answer = try self.state.answer(request)
    if !answer.changes.isEmpty {
      let entry = RegistryChange.entry(answer.changes)
      self.journal.append(entry)
      self.state.apply(try RegistryChange.changes(in: entry))
    }
    switch answer.body {
    case .json(let json): return json
    case .text(let text): return .string(text)
    }
  }

  /// The code of the refusal; 200 where there is none.
  mutating func code(
    _ method: String, _ path: String, _ body: String = "", query: [String: String] = [:]
  ) throws -> Int {
    do {
      _ = try self.ask(method, path, body, query: query)
      return 200
    } catch let error as RegistryError {
      return error.code
    }
  }

  /// A registry that has read what this one has written.
  func restarted() throws -> RegistryHarness {
    var other = RegistryHarness()
    for entry in self.journal { other.state.apply(try RegistryChange.changes(in: entry)) }
    other.journal = self.journal
    return other
  }

  /// A registry that has read what this one amounts to.
  func condensed() throws -> RegistryHarness {
    var other = RegistryHarness()
    let entry = RegistryChange.entry(self.state.snapshot)
    other.state.apply(try RegistryChange.changes(in: entry))
    other.journal = [entry]
    return other
  }

  /// The body that registers a schema.
  static func body(
    _ schema: String, type: SchemaType? = nil, references: [SchemaReference] = [], id: Int? = nil,
    version: Int? = nil
  ) -> String {
    var members: [JSONValue.Member] = [.init("schema", .string(schema))]
    if let type { members.append(.init("schemaType", .string(type.rawValue))) }
    if !references.isEmpty {
      members.append(.init("references", .array(references.map(\.json))))
    }
    if let id { members.append(.init("id", .integer(Int64(id)))) }
    if let version { members.append(.init("version", .integer(Int64(version)))) }
    return String(decoding: JSONValue.object(members).encoded, as: UTF8.self)
  }

  /// Registers a schema and answers its id.
  mutating func register(
    _ subject: String, _ schema: String, type: SchemaType? = nil,
    references: [SchemaReference] = []
  ) throws -> Int {
    let body = Self.body(schema, type: type, references: references)
    return Int(try self.ask("POST", "subjects/\(subject)/versions", body)["id"]?.integer ?? 0)
  }
}
