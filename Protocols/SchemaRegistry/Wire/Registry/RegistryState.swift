import GodwitWire

/// What a registry knows: schemas by their ids, the versions of each subject, and settings. A value
/// without clock or disk: `answer` says what a request is answered and what has to be written down
/// for it, `apply` does what was written.
public struct RegistryState: Sendable {
  /// A version of a subject.
  struct Version: Hashable, Sendable {
    var number: Int
    var id: Int
    var isDeleted = false
  }

  /// What is set for a subject, or for all.
  struct Settings: Hashable, Sendable {
    var level: CompatibilityLevel?
    var normalize: Bool?
    var mode: RegistryMode?
  }

  /// What makes two schemas the same one.
  struct Content: Hashable, Sendable {
    var type: SchemaType
    var text: String
    var references: [SchemaReference]
  }

  /// A version that somebody refers to.
  struct Place: Hashable, Sendable {
    var subject: String
    var version: Int
  }

  /// Ids have 31 bits.
  static let idMax = Int(Int32.max)
  static let versionBytes = 96
  static let settingsBytes = 128

  let limits: SchemaLimits
  /// Makes a name for a schema.
  let makeGUID: @Sendable () -> String
  var schemas: [Int: RegistrySchema] = [:]
  var ids: [Content: Int] = [:]
  var guids: [String: Int] = [:]
  /// Versions of each subject, in their order.
  var subjects: [String: [Version]] = [:]
  /// The subjects of each schema, with how many versions of them are it.
  var users: [Int: [String: Int]] = [:]
  /// The schemas that refer to a version.
  var referrers: [Place: Set<Int>] = [:]
  var settings: [String: Settings] = [:]
  var global = Settings()
  var nextID = 1
  var parsed = ParsedSchemas()
  /// What all of it takes of memory, about.
  public private(set) var bytes = 0

  /// An empty registry.
  ///
  /// - Parameter makeGUID: makes a name that nobody else has given, in the form of a UUID.
  public init(
    limits: SchemaLimits = .defaults, makeGUID: @escaping @Sendable () -> String = Self.randomGUID
  ) {
    self.limits = limits
    self.makeGUID = makeGUID
  }

  /// A random UUID (RFC 9562, version 4).
  @Sendable public static func randomGUID() -> String {
    let high = UInt64.random(in: .min ... .max) & ~0xF000 | 0x4000
    let low = UInt64.random(in: .min ... .max) & (~0 >> 2) | (1 << 63)
    func hex(_ number: UInt64) -> String {
      let digits = String(number, radix: 16)
      return String(repeating: "0", count: 16 - digits.count) + digits
    }
    let digits = Array(hex(high) + hex(low))
    return [0..<8, 8..<12, 12..<16, 16..<20, 20..<32].map { String(digits[$0]) }
      .joined(separator: "-")
  }

  // MARK: Changes

  /// Does what was written down.
  public mutating func apply(_ changes: [RegistryChange]) {
    for change in changes { self.apply(change) }
  }

  private mutating func apply(_ change: RegistryChange) {
    switch change {
    case .schema(let id, let schema): self.add(schema, id)
    case .version(let subject, let number, let id): self.add(subject, number, id)
    case .deleted(let subject, let number):
      guard let index = self.index(subject, number) else { return }
      self.subjects[subject]?[index].isDeleted = true
    case .gone(let subject, let number): self.remove(subject, number)
    case .level(let subject, let level): self.set(subject) { $0.level = level }
    case .normalize(let subject, let flag): self.set(subject) { $0.normalize = flag }
    case .mode(let subject, let mode): self.set(subject) { $0.mode = mode }
    case .nextID(let id): self.nextID = max(self.nextID, id)
    }
  }

  private mutating func add(_ schema: RegistrySchema, _ id: Int) {
    guard self.schemas[id] == nil else { return }
    self.schemas[id] = schema
    self.bytes += schema.size
    self.ids[Content(schema)] = id
    self.guids[schema.guid] = id
    for reference in schema.references {
      self.referrers[Place(reference), default: []].insert(id)
    }
    self.nextID = max(self.nextID, id + 1)
  }

  private mutating func add(_ subject: String, _ number: Int, _ id: Int) {
    guard self.schemas[id] != nil else { return }
    let place = self.place(subject, number)
    if let versions = self.subjects[subject], place < versions.count,
      versions[place].number == number
    {
      return
    }
    self.subjects[subject, default: []].insert(Version(number: number, id: id), at: place)
    self.bytes += Self.versionBytes + subject.utf8.count
    self.users[id, default: [:]][subject, default: 0] += 1
  }

  private mutating func remove(_ subject: String, _ number: Int) {
    guard let index = self.index(subject, number),
      let version = self.subjects[subject]?.remove(at: index)
    else { return }
    self.bytes -= Self.versionBytes + subject.utf8.count
    if self.subjects[subject]?.isEmpty == true { self.subjects[subject] = nil }
    let left = (self.users[version.id]?[subject] ?? 1) - 1
    self.users[version.id]?[subject] = left > 0 ? left : nil
    guard self.users[version.id]?.isEmpty != false else { return }
    self.users[version.id] = nil
    guard let schema = self.schemas.removeValue(forKey: version.id) else { return }
    self.bytes -= schema.size
    self.parsed.forget(version.id)
    self.guids[schema.guid] = nil
    let content = Content(schema)
    if self.ids[content] == version.id { self.ids[content] = nil }
    for reference in schema.references {
      self.referrers[Place(reference)]?.remove(version.id)
      if self.referrers[Place(reference)]?.isEmpty == true {
        self.referrers[Place(reference)] = nil
      }
    }
  }

  private mutating func set(_ subject: String?, _ body: (inout Settings) -> Void) {
    guard let subject else { return body(&self.global) }
    let old = self.settings[subject]
    var settings = old ?? Settings()
    body(&settings)
    self.settings[subject] = settings == Settings() ? nil : settings
    let size = Self.settingsBytes + subject.utf8.count
    if old == nil, settings != Settings() { self.bytes += size }
    if old != nil, settings == Settings() { self.bytes -= size }
  }

  func index(_ subject: String, _ number: Int) -> Int? {
    let place = self.place(subject, number)
    guard let versions = self.subjects[subject], place < versions.count,
      versions[place].number == number
    else { return nil }
    return place
  }

  /// Where a version stands, or would.
  private func place(_ subject: String, _ number: Int) -> Int {
    guard let versions = self.subjects[subject] else { return 0 }
    var low = 0
    var high = versions.count
    while low < high {
      let middle = (low + high) / 2
      if versions[middle].number < number { low = middle + 1 } else { high = middle }
    }
    return low
  }

  /// All that there is, as changes that make it: what the journal has in place of its history.
  public var snapshot: [RegistryChange] {
    var changes: [RegistryChange] = [.nextID(self.nextID)]
    for (id, schema) in self.schemas { changes.append(.schema(id: id, schema)) }
    for (subject, versions) in self.subjects {
      for version in versions {
        changes.append(.version(subject: subject, number: version.number, id: version.id))
        if version.isDeleted { changes.append(.deleted(subject: subject, number: version.number)) }
      }
    }
    let all = [(nil as String?, self.global)] + self.settings.map { ($0.key, $0.value) }
    for (subject, settings) in all {
      if let level = settings.level { changes.append(.level(subject: subject, level)) }
      if let flag = settings.normalize { changes.append(.normalize(subject: subject, flag)) }
      if let mode = settings.mode { changes.append(.mode(subject: subject, mode)) }
    }
    return changes
  }
}

extension RegistryState.Content {
  init(_ schema: RegistrySchema) {
    self.init(type: schema.type, text: schema.text, references: schema.references)
  }
}

extension RegistryState.Place {
  init(_ reference: SchemaReference) {
    self.init(subject: reference.subject, version: reference.version)
  }
}
