import GodwitWire

/// What is asked of schemas, whatever subject they are of.
extension RegistryState {
  /// More than this in one answer is refused: the client can ask for it in parts.
  private static let listBytesMax = 16 << 20

  func answerSchemas(_ request: RegistryRequest) throws(RegistryError) -> RegistryAnswer {
    try Self.allow(["GET"], request)
    let path = request.path
    switch (path.count, path.count > 1 ? path[1] : "") {
    case (1, _): return try self.listSchemas(request)
    case (2, "types"):
      return RegistryAnswer(.array(SchemaType.allCases.map { .string($0.rawValue) }))
    case (3, "ids"), (4, "ids"):
      return try self.answerID(try Self.id(path[2]), path.count > 3 ? path[3] : "", request)
    case (3, "guids"):
      guard let id = self.guids[path[2].lowercased()] else {
        throw .schemaNotFound(String(path[2].prefix(64)))
      }
      return RegistryAnswer(self.schemaJSON(id, request))
    case (4, "guids") where path[3] == "ids":
      guard let id = self.guids[path[2].lowercased()] else {
        throw .schemaNotFound(String(path[2].prefix(64)))
      }
      return RegistryAnswer(
        .array([.object([.init("context", .string(".")), .init("id", .integer(Int64(id)))])]))
    default: throw RegistryError(404, "HTTP 404 Not Found")
    }
  }

  private static func id(_ text: String) throws(RegistryError) -> Int {
    guard let number = Int32(text) else { throw RegistryError(404, "HTTP 404 Not Found") }
    return Int(number)
  }

  private func answerID(
    _ id: Int, _ what: String, _ request: RegistryRequest
  ) throws(RegistryError) -> RegistryAnswer {
    guard self.schemas[id] != nil else { throw .schemaNotFound("\(id)") }
    switch what {
    case "": return RegistryAnswer(self.schemaJSON(id, request))
    case "schema": return RegistryAnswer(text: self.text(id, format: request.first("format")))
    case "subjects":
      let places = self.places(of: id, request)
      var subjects: [String] = []
      for place in places where subjects.last != place.subject { subjects.append(place.subject) }
      return RegistryAnswer(.array(request.page(of: subjects, max: 20_000).map { .string($0) }))
    case "versions":
      let places = request.page(of: self.places(of: id, request), max: 20_000)
      return RegistryAnswer(
        .array(
          places.map { place in
            .object([
              .init("subject", .string(place.subject)),
              .init("version", .integer(Int64(place.version))),
            ])
          }))
    default: throw RegistryError(404, "HTTP 404 Not Found")
    }
  }

  private func schemaJSON(_ id: Int, _ request: RegistryRequest) -> JSONValue {
    var members = self.members(id, format: request.first("format"))
    members.append(.init("guid", .string(self.schemas[id]?.guid ?? "")))
    if request.path[1] == "guids" { members.append(.init("id", .integer(Int64(id)))) }
    if request.flag("fetchMaxId") {
      members.append(.init("maxId", .integer(Int64(self.nextID - 1))))
    }
    return .object(members)
  }

  /// The versions that are a schema, in the order of their subjects.
  private func places(of id: Int, _ request: RegistryRequest) -> [Place] {
    let isDeletedToo = request.flag("deleted")
    let only = request.first("subject")
    return (self.users[id] ?? [:]).keys.sorted().flatMap { subject -> [Place] in
      guard only == nil || only == subject else { return [] }
      return (self.subjects[subject] ?? []).filter {
        $0.id == id && (isDeletedToo || !$0.isDeleted)
      }.map { Place(subject: subject, version: $0.number) }
    }
  }

  private func listSchemas(_ request: RegistryRequest) throws(RegistryError) -> RegistryAnswer {
    var prefix = request.first("subjectPrefix") ?? ""
    if prefix.hasPrefix(":*:") || prefix.hasPrefix(":.:") { prefix = String(prefix.dropFirst(3)) }
    let (isDeletedToo, isLatestOnly) = (request.flag("deleted"), request.flag("latestOnly"))
    var found: [(subject: String, version: Version)] = []
    for subject in self.subjects.keys.filter({ $0.hasPrefix(prefix) }).sorted() {
      let versions = (self.subjects[subject] ?? []).filter { isDeletedToo || !$0.isDeleted }
      let shown = isLatestOnly ? versions.suffix(1) : versions[...]
      found += shown.map { (subject, $0) }
    }
    let page = request.page(of: found, max: 1_000)
    let bytes = page.reduce(0) { $0 + (self.schemas[$1.version.id]?.text.utf8.count ?? 0) }
    guard bytes <= Self.listBytesMax else {
      throw .tooLarge("The schemas are more than \(Self.listBytesMax) bytes; ask with a limit")
    }
    return RegistryAnswer(.array(page.map { self.json($0.subject, $0.version) }))
  }
}
