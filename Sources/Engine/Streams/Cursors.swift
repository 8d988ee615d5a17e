import NIOCore

/// A tenant's cursors: for each group of readers, by a name of its own, one committed offset per
/// log. The cursor form of a group, for protocols whose readers keep count themselves.
///
/// A position is what was committed last; it never moves by itself.
public final class Cursors {
  /// A committed position.
  public struct Position: Hashable, Sendable {
    /// The first offset that the group is not done with.
    public var offset: UInt64
    /// What the reader wrote beside it.
    public var note: String
    /// When it was committed, in the engine's clock.
    public var committedAt: Int64

    /// A position.
    public init(offset: UInt64, note: String = "", committedAt: Int64) {
      self.offset = offset
      self.note = note
      self.committedAt = committedAt
    }
  }

  private enum Kind {
    static let position: UInt8 = 1
    static let removed: UInt8 = 2
    static let groupRemoved: UInt8 = 3
  }

  /// What a position takes of memory, about, beside its names.
  private static var positionBytes: Int { 192 }

  private unowned let tenant: Tenant
  private var byGroup: [String: [String: Position]] = [:]
  private var journal: (any Journal)?

  init(tenant: Tenant) {
    self.tenant = tenant
  }

  /// The groups that have a position, in the order of their names.
  public var groups: [String] { self.byGroup.keys.sorted() }

  /// All positions of a group, by the log's name.
  public func positions(of group: String) -> [String: Position] { self.byGroup[group] ?? [:] }

  /// The position of a group in a log.
  public func position(of group: String, in log: String) -> Position? {
    self.byGroup[group]?[log]
  }

  /// Commits a position. `whenCommitted` says when it lasts.
  ///
  /// - Throws: `quotaExceeded` where memory for another is lacking, `storageFailed`.
  public func commit(
    _ offset: UInt64, note: String = "", of group: String, in log: String
  ) throws(EngineError) {
    let position = Position(offset: offset, note: note, committedAt: self.tenant.engine.now)
    let journal = try self.openJournal()
    try self.set(position, group, log)
    journal.append(Self.entry(position, group, log))
    if journal.wantsSnapshot {
      journal.replace { add in
        for (group, logs) in self.byGroup {
          for (log, position) in logs { add(Self.entry(position, group, log)) }
        }
      }
    }
  }

  /// Forgets a position.
  ///
  /// - Returns: whether there was one.
  @discardableResult
  public func remove(_ group: String, in log: String) -> Bool {
    guard self.forget(group, log) else { return false }
    self.journal?.append(Self.entry(Kind.removed, group, log))
    return true
  }

  /// Forgets a group's positions.
  ///
  /// - Returns: whether there were any.
  @discardableResult
  public func remove(_ group: String) -> Bool {
    guard let logs = self.byGroup[group] else { return false }
    for log in logs.keys { _ = self.forget(group, log) }
    self.journal?.append(Self.entry(Kind.groupRemoved, group, ""))
    return true
  }

  /// Calls `body` when all that was committed so far is as durable as the store promises; or with
  /// the error, when it never will be.
  public func whenCommitted(_ body: @escaping (EngineError?) -> Void) {
    if let journal = self.journal { journal.whenCommitted(body) } else { body(nil) }
  }

  /// Reads what the tenant's store has kept. Once, when the store is set.
  ///
  /// - Throws: `storageFailed`, and `quotaExceeded` where memory is lacking.
  public func restore() throws(EngineError) {
    let journal = try self.openJournal()
    var failure: EngineError?
    try journal.replay { entry in
      guard failure == nil else { return }
      do throws(EngineError) {
        try self.read(entry)
      } catch {
        failure = error
      }
    }
    if let failure { throw failure }
  }

  private func read(_ entry: ByteBuffer) throws(EngineError) {
    var entry = entry
    let kind = entry.readInteger(as: UInt8.self)
    var position = Position(offset: 0, committedAt: 0)
    var group = ""
    var log = ""
    for field in Field.all(in: entry) {
      switch field.tag {
      case 1: group = field.text
      case 2: log = field.text
      case 3: position.offset = UInt64(bitPattern: field.number)
      case 4: position.note = field.text
      case 5: position.committedAt = field.number
      default: break
      }
    }
    switch kind {
    case Kind.position: try self.set(position, group, log)
    case Kind.removed: _ = self.forget(group, log)
    case Kind.groupRemoved:
      for log in self.positions(of: group).keys { _ = self.forget(group, log) }
    default: break
    }
  }

  private func set(_ position: Position, _ group: String, _ log: String) throws(EngineError) {
    let old = self.byGroup[group]?[log]
    let growth = Self.size(position, group, log) - (old.map { Self.size($0, group, log) } ?? 0)
    guard growth <= 0 || self.tenant.memory.reserve(growth) else {
      throw EngineError(.quotaExceeded, "the budget for stored messages is spent")
    }
    if growth < 0 { self.tenant.memory.release(-growth) }
    self.byGroup[group, default: [:]][log] = position
  }

  private func forget(_ group: String, _ log: String) -> Bool {
    guard let position = self.byGroup[group]?.removeValue(forKey: log) else { return false }
    self.tenant.memory.release(Self.size(position, group, log))
    if self.byGroup[group]?.isEmpty == true { self.byGroup[group] = nil }
    return true
  }

  private static func size(_ position: Position, _ group: String, _ log: String) -> Int {
    Self.positionBytes + group.utf8.count + log.utf8.count + position.note.utf8.count
  }

  private static func entry(
    _ kind: UInt8, _ group: String, _ log: String, _ position: Position? = nil
  ) -> ByteBuffer {
    var writer = FieldWriter()
    writer.write(1, group)
    writer.write(2, log)
    if let position {
      writer.write(3, position.offset)
      writer.write(4, position.note)
      writer.write(5, position.committedAt)
    }
    var entry = ByteBuffer(integer: kind)
    entry.writeImmutableBuffer(writer.buffer)
    return entry
  }

  private static func entry(_ position: Position, _ group: String, _ log: String) -> ByteBuffer {
    Self.entry(Kind.position, group, log, position)
  }

  private func openJournal() throws(EngineError) -> any Journal {
    if let journal = self.journal { return journal }
    let journal = try self.tenant.store.journal(named: "cursors")
    self.journal = journal
    return journal
  }
}
