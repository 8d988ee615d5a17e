import NIOCore

/// What a tenant may define under a name, and has written down.
protocol Definable: SendableMetatype {
  /// The journal that has those of the kind.
  static var journal: String { get }
  /// The name within the tenant.
  var name: String { get }
  /// The written form.
  var stored: ByteBuffer { get }
  /// What was written; `nil` where it is none of this kind.
  init?(stored: ByteBuffer)
}

/// What a tenant has defined of one kind, in a journal of its store: each definition whole, with
/// when it was made, and what was deleted.
///
/// All is proposed: it lasts when it is committed, and what the disk refuses leaves nothing.
final class Definitions<Settings: Definable> {
  /// What is defined, and since when.
  typealias Definition = (settings: Settings, createdAt: Int64)

  private enum Kind {
    static var defined: UInt8 { 1 }
    static var deleted: UInt8 { 2 }
  }

  private unowned let tenant: Tenant
  private var journal: (any Journal)?
  /// Every definition that is to last.
  var all: () -> [Definition] = { [] }
  /// The names that were deleted before the start, as the journal says.
  private var deleted: Set<String> = []
  /// What is on its way to the disk, by numbers that ascend.
  private var passing: [UInt64: ByteBuffer] = [:]
  private var lastPassing: UInt64 = 0

  init(tenant: Tenant) {
    self.tenant = tenant
  }

  /// The name of the journal.
  static var journalName: String { Settings.journal }

  /// Writes a definition down.
  ///
  /// - Parameter body: is called when it lasts; or with the error, when there is nothing of it.
  func define(_ definition: Definition, _ body: @escaping (EngineError?) -> Void) {
    self.deleted.remove(definition.settings.name)
    self.propose(Self.entry(definition), body)
  }

  /// Writes down that a definition is gone.
  ///
  /// - Parameter body: is called when it is gone for good; or with the error, when it is not.
  func forget(_ name: String, _ body: @escaping (EngineError?) -> Void) {
    self.propose(Self.deletion(name), body)
  }

  private static func deletion(_ name: String) -> ByteBuffer {
    var entry = ByteBuffer(integer: Kind.deleted)
    entry.writeString(name)
    return entry
  }

  /// Whether there was one of that name that was deleted: what a crash has left of it is not a new
  /// one's. What is there of one that nobody has deleted is, for the journal was damaged.
  func wasDeleted(_ name: String) -> Bool { self.deleted.contains(name) }

  private func propose(_ entry: ByteBuffer, _ body: @escaping (EngineError?) -> Void) {
    let journal: any Journal
    do throws(EngineError) {
      journal = try self.openJournal()
    } catch {
      return body(error)
    }
    self.lastPassing += 1
    let number = self.lastPassing
    self.passing[number] = entry
    journal.propose([entry]) { error in
      self.passing[number] = nil
      body(error)
    }
    guard journal.wantsSnapshot else { return }
    journal.replace { add in
      // Files of these may still be there.
      for name in self.deleted.sorted() { add(Self.deletion(name)) }
      for definition in self.all() { add(Self.entry(definition)) }
      // What the old file has may be committed before the new one takes its place.
      for number in self.passing.keys.sorted() { self.passing[number].map(add) }
    }
  }

  /// What the store has kept, in the order of the names. Once, when the store is set.
  ///
  /// - Throws: `storageFailed` when nothing can be read.
  func restore() throws(EngineError) -> [Definition] {
    var found: [String: Definition] = [:]
    try self.openJournal().replay { entry in
      switch Self.read(entry) {
      case .defined(let definition):
        found[definition.settings.name] = definition
        self.deleted.remove(definition.settings.name)
      case .deleted(let name):
        found[name] = nil
        self.deleted.insert(name)
      case nil: break
      }
    }
    return found.values.sorted { $0.settings.name < $1.settings.name }
  }

  private enum Entry {
    case defined(Definition)
    case deleted(String)
  }

  private static func read(_ entry: ByteBuffer) -> Entry? {
    var entry = entry
    let kind = entry.readInteger(as: UInt8.self)
    if kind == Kind.defined, let createdAt = entry.readInteger(as: Int64.self),
      let settings = Settings(stored: entry)
    {
      return .defined((settings, createdAt))
    }
    return kind == Kind.deleted ? .deleted(String(buffer: entry)) : nil
  }

  /// Whose definition or deletion an entry is.
  static func name(in entry: ByteBuffer) -> String? {
    switch Self.read(entry) {
    case .defined(let definition): definition.settings.name
    case .deleted(let name): name
    case nil: nil
    }
  }

  private static func entry(_ definition: Definition) -> ByteBuffer {
    var entry = ByteBuffer(integer: Kind.defined)
    entry.writeInteger(definition.createdAt)
    entry.writeImmutableBuffer(definition.settings.stored)
    return entry
  }

  private func openJournal() throws(EngineError) -> any Journal {
    if let journal = self.journal { return journal }
    let journal = try self.tenant.store.journal(named: Self.journalName)
    // What is refused is known before a log takes anything on its account.
    journal.goFirst()
    self.journal = journal
    return journal
  }
}
