import NIOCore

/// What a tenant may define under a name, and has written down.
protocol Definable: SendableMetatype {
  /// The name within the tenant.
  var name: String { get }
  /// The written form.
  var stored: ByteBuffer { get }
  /// What was written; `nil` where it is none of this kind.
  init?(stored: ByteBuffer)
}

/// What a tenant has defined of one kind, in a journal of its store: each definition whole, with
/// when it was made, and what was deleted.
final class Definitions<Settings: Definable> {
  /// What is defined, and since when.
  typealias Definition = (settings: Settings, createdAt: Int64)

  private enum Kind {
    static var defined: UInt8 { 1 }
    static var deleted: UInt8 { 2 }
  }

  private unowned let tenant: Tenant
  private let journalName: String
  private var journal: (any Journal)?
  /// The names that were deleted before the start, as the journal says.
  private var deleted: Set<String> = []
  /// What goes with definitions that were deleted, until the journal has that; numbered, for a name
  /// may be deleted again.
  private var leaving: [String: (number: UInt64, remove: () -> Void)] = [:]
  private var deletions: UInt64 = 0

  init(tenant: Tenant, journal name: String) {
    self.tenant = tenant
    self.journalName = name
  }

  /// Writes a definition down.
  ///
  /// - Parameter all: every definition that is to last, this one included.
  /// - Throws: `storageFailed` when the journal cannot be opened.
  func write(_ definition: Definition, all: () -> [Definition]) throws(EngineError) {
    let journal = try self.openJournal()
    self.deleted.remove(definition.settings.name)
    journal.append(Self.entry(definition))
    if journal.wantsSnapshot { journal.replace(with: all().map(Self.entry)) }
  }

  /// Writes down that a definition is gone, and has `remove` called when that is committed: if it
  /// never is, the next start has all of it again.
  func forget(_ name: String, _ remove: @escaping () -> Void) {
    guard let journal = self.journal else { return remove() }
    var entry = ByteBuffer(integer: Kind.deleted)
    entry.writeString(name)
    journal.append(entry)
    self.deletions += 1
    let number = self.deletions
    self.leaving[name] = (number, remove)
    journal.whenCommitted { error in
      guard error == nil, self.leaving[name]?.number == number else { return }
      self.leaving.removeValue(forKey: name)?.remove()
    }
  }

  /// Has go what waits to go. Asked before there is a new one of that name.
  ///
  /// - Returns: whether there was one that was deleted: what a crash has left of it is not the new
  ///   one's. What is there of one that nobody has deleted is, for the journal was damaged.
  func clear(_ name: String) -> Bool {
    self.leaving.removeValue(forKey: name)?.remove()
    return self.deleted.contains(name)
  }

  /// What the store has kept, in the order of the names. Once, when the store is set.
  ///
  /// - Throws: `storageFailed` when nothing can be read.
  func restore() throws(EngineError) -> [Definition] {
    var found: [String: Definition] = [:]
    try self.openJournal().replay { entry in
      var entry = entry
      let kind = entry.readInteger(as: UInt8.self)
      if kind == Kind.defined, let createdAt = entry.readInteger(as: Int64.self),
        let settings = Settings(stored: entry)
      {
        found[settings.name] = (settings, createdAt)
        self.deleted.remove(settings.name)
      } else if kind == Kind.deleted {
        let name = String(buffer: entry)
        found[name] = nil
        self.deleted.insert(name)
      }
    }
    return found.values.sorted { $0.settings.name < $1.settings.name }
  }

  /// Calls `body` when everything written so far is as durable as the store promises; or with the
  /// error, when it never will be.
  func whenCommitted(_ body: @escaping (EngineError?) -> Void) {
    if let journal = self.journal { journal.whenCommitted(body) } else { body(nil) }
  }

  private static func entry(_ definition: Definition) -> ByteBuffer {
    var entry = ByteBuffer(integer: Kind.defined)
    entry.writeInteger(definition.createdAt)
    entry.writeImmutableBuffer(definition.settings.stored)
    return entry
  }

  private func openJournal() throws(EngineError) -> any Journal {
    if let journal = self.journal { return journal }
    let journal = try self.tenant.store.journal(named: self.journalName)
    self.journal = journal
    return journal
  }
}
