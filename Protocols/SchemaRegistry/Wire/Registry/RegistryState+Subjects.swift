import GodwitWire

/// What is asked of a subject: its schemas come and go.
extension RegistryState {
  // MARK: Reading

  /// A schema as it was sent, read, and as it is kept.
  private struct Sent {
    var parsed: ParsedSchema
    var content: Content
    var asked: SchemaRequest
  }

  private mutating func sent(
    _ subject: String, _ request: RegistryRequest
  ) throws(RegistryError) -> Sent {
    var asked = try SchemaRequest(request)
    guard asked.text.utf8.count <= self.limits.bytesMax else {
      throw .tooLarge("A schema of more than \(self.limits.bytesMax) bytes")
    }
    for index in asked.references.indices where asked.references[index].version == -1 {
      let latest = try? self.version(
        "latest", of: asked.references[index].subject, includingDeleted: false)
      guard let latest else { throw Self.unresolved(asked.references[index]) }
      asked.references[index].version = latest.number
    }
    let needed = try self.resolve(asked.references)
    do throws(SchemaError) {
      let parsed = try ParsedSchema(
        asked.text, type: asked.type, references: needed, limits: self.limits)
      let isNormalized = request.flag("normalize") || self.normalizes(subject)
      let text = isNormalized ? parsed.normalized : parsed.canonical
      // With full names, a text may become longer than what was sent.
      guard text.utf8.count <= self.limits.bytesMax else {
        throw SchemaError(.tooLarge, "a schema of more than \(self.limits.bytesMax) bytes")
      }
      let references = isNormalized ? Self.ordered(asked.references) : asked.references
      return Sent(
        parsed: parsed, content: Content(type: asked.type, text: text, references: references),
        asked: asked)
    } catch {
      throw RegistryError(error, subject: subject)
    }
  }

  private static func ordered(_ references: [SchemaReference]) -> [SchemaReference] {
    Set(references).sorted {
      ($0.name, $0.subject, $0.version) < ($1.name, $1.subject, $1.version)
    }
  }

  private static func unresolved(_ reference: SchemaReference) -> RegistryError {
    .invalidSchema(
      "No schema reference found for subject \"\(reference.subject.prefix(256))\" and version "
        + "\(reference.version)")
  }

  /// The schemas that are referred to, and those that they refer to, each after what it needs.
  func resolve(
    _ references: [SchemaReference]
  ) throws(RegistryError) -> [ReferencedSchema] {
    var found: [ReferencedSchema] = []
    var seen: Set<SchemaReference> = []
    var bytes = 0
    // What is left to do: look at a reference, or take it, when all that it needs is taken.
    var work: [(reference: SchemaReference, isTaken: Bool)] =
      references.reversed().map { ($0, false) }
    while let (reference, isTaken) = work.popLast() {
      guard let index = self.index(reference.subject, reference.version),
        let id = self.subjects[reference.subject]?[index].id, let schema = self.schemas[id]
      else { throw Self.unresolved(reference) }
      if isTaken {
        found.append(
          ReferencedSchema(name: reference.name, type: schema.type, text: schema.text))
        continue
      }
      guard seen.insert(reference).inserted else { continue }
      bytes += schema.text.utf8.count
      guard bytes <= self.limits.referencedBytesMax, seen.count <= self.limits.referencesMax else {
        throw .tooLarge("A schema that needs too many others")
      }
      work.append((reference, true))
      work += schema.references.reversed().map { ($0, false) }
    }
    return found
  }

  /// A registered schema, read.
  mutating func parsed(_ id: Int) throws(RegistryError) -> ParsedSchema {
    if let known = self.parsed[id] { return known }
    guard let schema = self.schemas[id] else { throw .schemaNotFound("\(id)") }
    let needed = try self.resolve(schema.references)
    do throws(SchemaError) {
      let parsed = try ParsedSchema(
        schema.text, type: schema.type, references: needed, limits: self.limits)
      let bytes = needed.reduce(schema.text.utf8.count) { $0 + $1.text.utf8.count }
      self.parsed.keep(parsed, id, bytes: bytes)
      return parsed
    } catch {
      throw RegistryError(error, subject: "id \(id)")
    }
  }

  // MARK: Registering

  mutating func lookUp(
    _ subject: String, _ request: RegistryRequest
  ) throws(RegistryError) -> RegistryAnswer {
    let isDeletedToo = request.flag("deleted")
    let versions = self.subjects[subject] ?? []
    let sent = try self.sent(subject, request)
    guard versions.contains(where: { isDeletedToo || !$0.isDeleted }) else {
      throw .subjectNotFound(subject)
    }
    guard let id = self.ids[sent.content],
      let version = versions.last(where: { $0.id == id && (isDeletedToo || !$0.isDeleted) })
    else { throw .schemaNotFound() }
    return RegistryAnswer(self.json(subject, version, format: request.first("format")))
  }

  mutating func register(
    _ subject: String, _ request: RegistryRequest
  ) throws(RegistryError) -> RegistryAnswer {
    let sent = try self.sent(subject, request)
    let versions = self.subjects[subject] ?? []
    let known = self.ids[sent.content]
    if let known, sent.asked.id == nil || sent.asked.id == known,
      let version = versions.last(where: { $0.id == known && !$0.isDeleted }),
      sent.asked.version == nil || sent.asked.version == version.number
    {
      return RegistryAnswer(self.json(subject, version))
    }
    let mode = self.mode(of: subject)
    try Self.check(mode, subject, hasID: sent.asked.id != nil)
    if mode != .import { try self.checkCompatibility(sent.parsed, subject, versions) }
    let number = try Self.number(sent.asked.version, after: versions, mode)
    var changes: [RegistryChange] = []
    let id: Int
    if let given = sent.asked.id ?? known { id = given } else { id = try self.newID() }
    var guid = self.schemas[id]?.guid
    if let there = self.schemas[id] {
      guard Content(there) == sent.content else {
        throw .notPermitted("Overwrite new schema with id \(id) in context . is not permitted.")
      }
    } else {
      let made = self.makeGUID()
      guid = made
      changes.append(
        .schema(
          id: id,
          RegistrySchema(
            guid: made, type: sent.content.type, text: sent.content.text,
            references: sent.content.references)))
    }
    changes.append(.version(subject: subject, number: number, id: id))
    // What was deleted and comes back is there once.
    for old in versions where old.isDeleted && old.id == id && old.number < number {
      guard self.referrers(of: subject, old.number, includingDeleted: true).isEmpty else {
        continue
      }
      changes.append(.gone(subject: subject, number: old.number))
    }
    return RegistryAnswer(
      .object([
        .init("id", .integer(Int64(id))), .init("version", .integer(Int64(number))),
        .init("guid", .string(guid ?? "")),
      ]), changes: changes)
  }

  private func newID() throws(RegistryError) -> Int {
    guard self.nextID <= Self.idMax else { throw .notPermitted("All ids have been given") }
    return self.nextID
  }

  private static func check(
    _ mode: RegistryMode, _ subject: String, hasID: Bool
  ) throws(RegistryError) {
    if mode == .readOnly { throw Self.readOnly(subject) }
    if hasID, mode != .import {
      throw .notPermitted("Subject \(subject) in context . is not in import mode")
    }
    if !hasID, mode != .readWrite {
      throw .notPermitted("Subject \(subject) in context . is not in read-write mode")
    }
  }

  /// The number of a new version.
  private static func number(
    _ asked: Int?, after versions: [Version], _ mode: RegistryMode
  ) throws(RegistryError) -> Int {
    let next = (versions.last?.number ?? 0) + 1
    guard let asked else {
      guard next <= Self.idMax else { throw .notPermitted("All versions have been given") }
      return next
    }
    guard asked == next || mode == .import else {
      throw .invalidSchema("Version is not one more than previous version")
    }
    guard !versions.contains(where: { $0.number == asked }) else {
      throw .notPermitted("Overwrite version \(asked) is not permitted.")
    }
    return asked
  }

  // MARK: Compatibility

  private mutating func checkCompatibility(
    _ new: ParsedSchema, _ subject: String, _ versions: [Version]
  ) throws(RegistryError) {
    let found = try self.obstacles(to: new, subject, versions)
    guard found.isEmpty else { throw .incompatible(subject, found) }
  }

  /// Why a schema cannot follow versions of a subject; the last one first, and no more than one
  /// that it cannot follow.
  private mutating func obstacles(
    to new: ParsedSchema, _ subject: String, _ versions: [Version]
  ) throws(RegistryError) -> [String] {
    let level = self.level(of: subject)
    guard level != .none else { return [] }
    var budget = WorkBudget(steps: self.limits.stepsMax)
    let old = versions.filter { !$0.isDeleted }
    for version in level.isTransitive ? old[...] : old.suffix(1) {
      do throws(SchemaError) {
        // Reading one costs, too.
        try budget.spend((self.schemas[version.id]?.text.utf8.count ?? 0) / 64)
      } catch {
        throw RegistryError(error, subject: subject)
      }
    }
    for version in (level.isTransitive ? old[...] : old.suffix(1)).reversed() {
      let parsed = try self.parsed(version.id)
      var found: [String] = []
      do throws(SchemaError) {
        found = try level.obstacles(to: new, after: parsed, budget: &budget)
      } catch {
        throw RegistryError(error, subject: subject)
      }
      guard found.isEmpty else {
        let text = (self.schemas[version.id]?.text ?? "").prefix(4_096)
        return found + [
          "{oldSchemaVersion: \(version.number)}", "{oldSchema: '\(text)'}",
          "{validateFields: 'false', compatibility: '\(level.rawValue)'}",
        ]
      }
    }
    return []
  }

  mutating func testCompatibility(
    _ request: RegistryRequest
  ) throws(RegistryError) -> RegistryAnswer {
    let path = request.path
    guard path.count <= 5 else { throw RegistryError(404, "HTTP 404 Not Found") }
    let subject = try Self.subject(path[2])
    var versions = (self.subjects[subject] ?? []).filter { !$0.isDeleted }
    if path.count == 5 {
      if let number = try Self.versionNumber(path[4]) {
        guard let version = versions.first(where: { $0.number == number }) else {
          throw .versionNotFound(number)
        }
        versions = [version]
      } else {
        versions = versions.suffix(1)
      }
    }
    let isVerbose = request.flag("verbose")
    var messages: [String]
    do throws(RegistryError) {
      let sent = try self.sent(subject, request)
      messages = try self.obstacles(to: sent.parsed, subject, versions)
    } catch {
      guard isVerbose, error.code == 42201 else { throw error }
      messages = [error.message]
    }
    var members: [JSONValue.Member] = [.init("is_compatible", .bool(messages.isEmpty))]
    if isVerbose { members.append(.init("messages", .array(messages.map { .string($0) }))) }
    return RegistryAnswer(.object(members))
  }

  // MARK: Deleting

  func delete(
    _ subject: String, _ request: RegistryRequest
  ) throws(RegistryError) -> RegistryAnswer {
    let isForGood = request.flag("permanent")
    guard let versions = self.subjects[subject] else { throw .subjectNotFound(subject) }
    guard self.mode(of: subject) != .readOnly else { throw Self.readOnly(subject) }
    let left = versions.filter { !$0.isDeleted }
    if isForGood, !left.isEmpty { throw .subjectNotSoftDeleted(subject) }
    if !isForGood, left.isEmpty { throw .subjectSoftDeleted(subject) }
    let concerned = isForGood ? versions : left
    for version in concerned {
      let referrers = self.referrers(of: subject, version.number, includingDeleted: isForGood)
      guard referrers.isEmpty else { throw .referenced(subject, version.number) }
    }
    var changes: [RegistryChange] = concerned.map { version in
      isForGood
        ? .gone(subject: subject, number: version.number)
        : .deleted(subject: subject, number: version.number)
    }
    changes += [
      .level(subject: subject, nil), .normalize(subject: subject, nil),
      .mode(subject: subject, nil),
    ]
    return RegistryAnswer(
      .array(concerned.map { .integer(Int64($0.number)) }), changes: changes)
  }

  func deleteVersion(
    _ subject: String, _ text: String, _ request: RegistryRequest
  ) throws(RegistryError) -> RegistryAnswer {
    let isForGood = request.flag("permanent")
    let version = try self.version(text, of: subject, includingDeleted: true)
    guard self.mode(of: subject) != .readOnly else { throw Self.readOnly(subject) }
    let number = version.number
    if isForGood, !version.isDeleted { throw .versionNotSoftDeleted(subject, number) }
    if !isForGood, version.isDeleted { throw .versionSoftDeleted(subject, number) }
    let referrers = self.referrers(of: subject, number, includingDeleted: isForGood)
    guard referrers.isEmpty else { throw .referenced(subject, number) }
    return RegistryAnswer(
      .integer(Int64(number)),
      changes: [
        isForGood
          ? .gone(subject: subject, number: number) : .deleted(subject: subject, number: number)
      ])
  }
}
