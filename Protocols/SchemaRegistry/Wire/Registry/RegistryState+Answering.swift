import GodwitWire

extension RegistryState {
  /// What a request is answered when the changes that come with the answer are made. Nothing
  /// changes by asking.
  ///
  /// - Throws: `RegistryError`.
  public mutating func answer(
    _ request: RegistryRequest
  ) throws(RegistryError) -> RegistryAnswer {
    let path = request.path
    switch path.first {
    case "subjects": return try self.answerSubjects(request)
    case "schemas": return try self.answerSchemas(request)
    case "config" where path.count <= 2: return try self.answerConfig(request)
    case "mode" where path.count <= 2: return try self.answerMode(request)
    case "contexts" where path.count == 1:
      try Self.allow(["GET"], request)
      return RegistryAnswer(.array([.string(".")]))
    case "compatibility" where path.count >= 4 && path[1] == "subjects" && path[3] == "versions":
      try Self.allow(["POST"], request)
      return try self.testCompatibility(request)
    default: throw RegistryError(404, "HTTP 404 Not Found")
    }
  }

  static func allow(
    _ methods: [String], _ request: RegistryRequest
  ) throws(RegistryError) {
    guard methods.contains(request.method) || request.method == "HEAD" && methods.contains("GET")
    else { throw RegistryError(405, "HTTP 405 Method Not Allowed") }
  }

  private mutating func answerSubjects(
    _ request: RegistryRequest
  ) throws(RegistryError) -> RegistryAnswer {
    let path = request.path
    guard path.count > 1 else {
      try Self.allow(["GET"], request)
      return self.listSubjects(request)
    }
    let subject = try Self.subject(path[1])
    switch (path.count, path.count > 2 ? path[2] : "") {
    case (2, _):
      try Self.allow(["POST", "DELETE"], request)
      return request.method == "POST"
        ? try self.lookUp(subject, request) : try self.delete(subject, request)
    case (3, "versions"):
      try Self.allow(["GET", "POST"], request)
      return request.method == "POST"
        ? try self.register(subject, request) : try self.listVersions(subject, request)
    case (3, "metadata"):
      try Self.allow(["GET"], request)
      guard request.first("key") == nil else {
        throw RegistryError(
          self.subjects[subject] == nil ? 40401 : 40403, "No schema has metadata here")
      }
      let version = try self.version("latest", of: subject, includingDeleted: false)
      return RegistryAnswer(self.json(subject, version))
    case (4, "versions"):
      try Self.allow(["GET", "DELETE"], request)
      return request.method == "DELETE"
        ? try self.deleteVersion(subject, path[3], request)
        : RegistryAnswer(try self.versionJSON(subject, path[3], request))
    case (5, "versions") where path[4] == "schema":
      try Self.allow(["GET"], request)
      let isDeletedToo = request.flag("deleted")
      let version = try self.version(path[3], of: subject, includingDeleted: isDeletedToo)
      return RegistryAnswer(text: self.text(version.id, format: request.first("format")))
    case (5, "versions") where path[4] == "referencedby":
      try Self.allow(["GET"], request)
      let version = try self.version(path[3], of: subject, includingDeleted: true)
      let ids = self.referrers(
        of: subject, version.number, includingDeleted: request.flag("deleted"))
      return RegistryAnswer(.array(request.page(of: ids, max: 20_000).map { .integer(Int64($0)) }))
    default: throw RegistryError(404, "HTTP 404 Not Found")
    }
  }

  /// A subject as a path names it. There is one context, the default one, which need not be said.
  static func subject(_ name: String) throws(RegistryError) -> String {
    let subject = name.hasPrefix(":.:") ? String(name.dropFirst(3)) : name
    let isText = !subject.utf8.contains { $0 < 0x20 || $0 == 0x7F }
    guard !subject.isEmpty, isText, !subject.hasPrefix(":."), subject.utf8.count <= 1_024,
      subject != "__GLOBAL", subject != "__EMPTY"
    else { throw .invalidSubject(String(name.prefix(128))) }
    return subject
  }

  // MARK: Finding

  /// A version by its number, or `latest`.
  func version(
    _ text: String, of subject: String, includingDeleted: Bool
  ) throws(RegistryError) -> Version {
    let number = try Self.versionNumber(text)
    let versions = self.subjects[subject] ?? []
    guard versions.contains(where: { includingDeleted || !$0.isDeleted }) else {
      throw .subjectNotFound(subject)
    }
    guard let number else {
      guard let last = versions.last(where: { !$0.isDeleted }) else {
        throw .versionNotFound(-1)
      }
      return last
    }
    guard let index = self.index(subject, number), includingDeleted || !versions[index].isDeleted
    else { throw .versionNotFound(number) }
    return versions[index]
  }

  /// The number of a version; `nil` for the latest.
  static func versionNumber(_ text: String) throws(RegistryError) -> Int? {
    if text == "latest" || text == "-1" { return nil }
    guard let number = Int32(text), number > 0 else {
      throw .invalidVersion(String(text.prefix(64)))
    }
    return Int(number)
  }

  /// The ids of schemas that refer to a version, in their order.
  func referrers(of subject: String, _ number: Int, includingDeleted: Bool) -> [Int] {
    let all = self.referrers[Place(subject: subject, version: number)] ?? []
    return all.filter { id in includingDeleted || self.isInUse(id) }.sorted()
  }

  /// Whether a schema is a version that is not deleted.
  private func isInUse(_ id: Int) -> Bool {
    (self.users[id] ?? [:]).keys.contains { subject in
      self.subjects[subject]?.contains { $0.id == id && !$0.isDeleted } ?? false
    }
  }

  // MARK: Showing

  /// A schema's text in the form that was asked for.
  func text(_ id: Int, format: String?) -> String {
    guard let schema = self.schemas[id] else { return "" }
    if format == "serialized", schema.type == .protobuf,
      let needed = try? self.resolve(schema.references),
      let parsed = try? ProtobufSchema(
        parsing: schema.text, references: needed, limits: self.limits)
    {
      return parsed.serialized
    }
    return schema.text
  }

  /// What there is to say of a schema beside its place.
  func members(_ id: Int, format: String? = nil) -> [JSONValue.Member] {
    guard let schema = self.schemas[id] else { return [] }
    var members: [JSONValue.Member] = []
    if schema.type != .avro {
      members.append(.init("schemaType", .string(schema.type.rawValue)))
    }
    if !schema.references.isEmpty {
      members.append(.init("references", .array(schema.references.map(\.json))))
    }
    members.append(.init("schema", .string(self.text(id, format: format))))
    return members
  }

  /// A version of a subject.
  func json(_ subject: String, _ version: Version, format: String? = nil) -> JSONValue {
    .object(
      [
        .init("subject", .string(subject)), .init("version", .integer(Int64(version.number))),
        .init("id", .integer(Int64(version.id))),
        .init("guid", .string(self.schemas[version.id]?.guid ?? "")),
      ] + self.members(version.id, format: format))
  }

  private func versionJSON(
    _ subject: String, _ text: String, _ request: RegistryRequest
  ) throws(RegistryError) -> JSONValue {
    let version = try self.version(text, of: subject, includingDeleted: request.flag("deleted"))
    return self.json(subject, version, format: request.first("format"))
  }

  private func listSubjects(_ request: RegistryRequest) -> RegistryAnswer {
    var prefix = request.first("subjectPrefix") ?? ""
    for context in [":*:", ":.:"] where prefix.hasPrefix(context) {
      prefix = String(prefix.dropFirst(context.utf8.count))
    }
    let (isDeletedToo, onlyDeleted) = (request.flag("deleted"), request.flag("deletedOnly"))
    let names = self.subjects.filter { subject, versions in
      guard subject.hasPrefix(prefix) else { return false }
      let isThere = versions.contains { !$0.isDeleted }
      return onlyDeleted ? !isThere : isThere || isDeletedToo
    }.keys.sorted()
    return RegistryAnswer(.array(request.page(of: names, max: 20_000).map { .string($0) }))
  }

  private func listVersions(
    _ subject: String, _ request: RegistryRequest
  ) throws(RegistryError) -> RegistryAnswer {
    let (isDeletedToo, onlyDeleted) = (request.flag("deleted"), request.flag("deletedOnly"))
    let versions = self.subjects[subject] ?? []
    guard versions.contains(where: { !$0.isDeleted || isDeletedToo || onlyDeleted }) else {
      throw .subjectNotFound(subject)
    }
    let numbers = versions.filter { onlyDeleted ? $0.isDeleted : !$0.isDeleted || isDeletedToo }
      .map(\.number)
    return RegistryAnswer(
      .array(request.page(of: numbers, max: 20_000).map { .integer(Int64($0)) }))
  }
}
