import NIOCore

/// A tenant's cursors: for each group of readers, by a name of its own, one committed offset per
/// log. The cursor form of a group, for protocols whose readers keep count themselves.
///
/// A position is what was committed last; it never moves by itself. It holds when it is as durable
/// as the store promises, and nobody sees it before: what the disk refuses leaves nothing.
///
/// What was committed last is told by ranks, which are written down with the positions: a clock may
/// go back over a restart.
public final class Cursors {
  /// A committed position.
  public struct Position: Hashable, Sendable {
    /// The first offset that the group is not done with.
    public var offset: UInt64
    /// What the reader wrote beside it.
    public var note: String
    /// When it was committed, in the engine's clock.
    public var committedAt: Int64
    /// Of two positions the one with the higher rank was committed later; 0 for one that an earlier
    /// version has written.
    public var rank: UInt64

    /// A position.
    public init(offset: UInt64, note: String = "", committedAt: Int64, rank: UInt64 = 0) {
      self.offset = offset
      self.note = note
      self.committedAt = committedAt
      self.rank = rank
    }
  }

  /// What a position is to be, and what is to be remembered beside it.
  public typealias Mark = (offset: UInt64, note: String)

  private enum Kind {
    static let position: UInt8 = 1
    static let removed: UInt8 = 2
    static let groupRemoved: UInt8 = 3
  }

  /// What becomes of a group's positions when it is committed.
  private struct Change {
    var group: String
    var positions: [String: Position] = [:]
    /// The logs of which the group has no position any more.
    var removed: Set<String> = []
    /// Whether it has none at all any more.
    var isRemoval = false
    /// What was taken of memory for it.
    var reserved = 0
  }

  /// What a position takes of memory, about, beside its names.
  private static var positionBytes: Int { 256 }

  private unowned let tenant: Tenant
  private var byGroup: [String: [String: Position]] = [:]
  /// The groups that have a position, by the log's name.
  private var groupsByLog: [String: Set<String>] = [:]
  /// What is on its way to the disk, by numbers that ascend.
  private var changes: [UInt64: Change] = [:]
  /// The changes that have a position, by the log's name.
  private var changesByLog: [String: Set<UInt64>] = [:]
  private var lastChange: UInt64 = 0
  /// No position has a higher one.
  private var lastRank: UInt64 = 0
  private var journal: (any Journal)?

  init(tenant: Tenant) {
    self.tenant = tenant
  }

  /// The groups that have a position, in the order of their names.
  public var groups: [String] { self.byGroup.keys.sorted() }

  /// The same, in no particular order.
  public var unsortedGroups: some Collection<String> { self.byGroup.keys }

  /// All positions of a group, by the log's name.
  public func positions(of group: String) -> [String: Position] { self.byGroup[group] ?? [:] }

  /// The position of a group in a log.
  public func position(of group: String, in log: String) -> Position? {
    self.byGroup[group]?[log]
  }

  /// The logs for which a position of a group is on its way to the disk.
  public func passing(of group: String) -> Set<String> {
    self.changes.values.reduce(into: []) { logs, change in
      if change.group == group { logs.formUnion(change.positions.keys) }
    }
  }

  /// The rank of what is committed now. Who decides now, and commits later or perhaps a second time
  /// after a crash, keeps it.
  public func nextRank() -> UInt64 {
    self.lastRank += 1
    return self.lastRank
  }

  /// Commits positions of a group, by the logs' names: all of them, or none.
  ///
  /// - Parameters:
  ///   - rank: from `nextRank`, of this life or one before: where there is a position that was
  ///     committed later than that, it stays.
  ///   - body: is called when they hold; or with the error, `quotaExceeded` where memory for more
  ///     positions is lacking.
  public func commit(
    _ marks: [String: Mark], of group: String, rank: UInt64? = nil,
    _ body: @escaping (EngineError?) -> Void
  ) {
    guard !marks.isEmpty else { return body(nil) }
    let now = self.tenant.engine.now
    let rank = rank ?? self.nextRank()
    self.lastRank = max(self.lastRank, rank)
    var change = Change(group: group)
    for (log, mark) in marks {
      let position = Position(offset: mark.offset, note: mark.note, committedAt: now, rank: rank)
      change.positions[log] = position
      let old = self.byGroup[group]?[log].map { Self.size($0, group, log) } ?? 0
      change.reserved += max(0, Self.size(position, group, log) - old)
    }
    guard self.tenant.memory.reserve(change.reserved) else {
      return body(EngineError(.quotaExceeded, "the budget for stored messages is spent"))
    }
    self.propose(change, body)
  }

  /// Forgets positions of a group, if there are any.
  ///
  /// - Parameter body: is called when they are forgotten for good; or with the error, when they are
  ///   not.
  public func remove(
    _ logs: Set<String>, of group: String, _ body: @escaping (EngineError?) -> Void
  ) {
    guard !logs.isEmpty else { return body(nil) }
    self.propose(Change(group: group, removed: logs), body)
  }

  /// Forgets all positions of a group; see `remove(_:of:_:)`.
  public func removeAll(of group: String, _ body: @escaping (EngineError?) -> Void) {
    self.propose(Change(group: group, isRemoval: true), body)
  }

  /// Forgets what groups have committed of logs that are gone, at once; what is on its way comes to
  /// nothing.
  public func forget(_ logs: Set<String>) {
    for log in logs {
      var groups = self.groupsByLog[log] ?? []
      for number in self.changesByLog.removeValue(forKey: log) ?? [] {
        guard let group = self.changes[number]?.group else { continue }
        groups.insert(group)
        self.changes[number]?.positions[log] = nil
      }
      for group in groups {
        self.drop(group, log)
        self.journal?.append(Self.entry(Kind.removed, group, log))
      }
    }
  }

  private func propose(_ change: Change, _ body: @escaping (EngineError?) -> Void) {
    let journal: any Journal
    do throws(EngineError) {
      journal = try self.openJournal()
    } catch {
      self.tenant.memory.release(change.reserved)
      return body(error)
    }
    self.lastChange += 1
    let number = self.lastChange
    self.changes[number] = change
    for log in change.positions.keys { self.changesByLog[log, default: []].insert(number) }
    journal.propose(Self.entries(change)) { error in
      if let change = self.changes.removeValue(forKey: number) {
        self.tenant.memory.release(change.reserved)
        for log in change.positions.keys { Self.remove(number, from: &self.changesByLog, log) }
        if error == nil { self.apply(change) }
      }
      body(error)
    }
    guard journal.wantsSnapshot else { return }
    journal.replace { add in
      for (group, logs) in self.byGroup {
        for (log, position) in logs { add(Self.entry(position, group, log)) }
      }
      // What the old file has may be committed before the new one takes its place.
      for number in self.changes.keys.sorted() {
        if let change = self.changes[number] { Self.entries(change).forEach(add) }
      }
    }
  }

  private func apply(_ change: Change) {
    for (log, position) in change.positions where self.isLast(position, change.group, log) {
      self.drop(change.group, log)
      self.tenant.memory.add(Self.size(position, change.group, log))
      self.put(position, change.group, log)
    }
    let removed = change.isRemoval ? Set(self.positions(of: change.group).keys) : change.removed
    for log in removed { self.drop(change.group, log) }
  }

  /// Whether no position was committed later.
  private func isLast(_ position: Position, _ group: String, _ log: String) -> Bool {
    guard position.rank > 0, let known = self.position(of: group, in: log) else { return true }
    return known.rank <= position.rank
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
      case 6: position.rank = UInt64(bitPattern: field.number)
      default: break
      }
    }
    switch kind {
    case Kind.position: try self.set(position, group, log)
    case Kind.removed: self.drop(group, log)
    case Kind.groupRemoved: self.apply(Change(group: group, isRemoval: true))
    default: break
    }
  }

  private func set(_ position: Position, _ group: String, _ log: String) throws(EngineError) {
    self.lastRank = max(self.lastRank, position.rank)
    guard self.isLast(position, group, log) else { return }
    let old = self.byGroup[group]?[log].map { Self.size($0, group, log) } ?? 0
    let growth = Self.size(position, group, log) - old
    guard growth <= 0 || self.tenant.memory.reserve(growth) else {
      throw EngineError(.quotaExceeded, "the budget for stored messages is spent")
    }
    if growth < 0 { self.tenant.memory.release(-growth) }
    self.put(position, group, log)
  }

  private func put(_ position: Position, _ group: String, _ log: String) {
    let old = self.byGroup[group, default: [:]].updateValue(position, forKey: log)
    if old == nil { self.groupsByLog[log, default: []].insert(group) }
  }

  private func drop(_ group: String, _ log: String) {
    guard let position = self.byGroup[group]?.removeValue(forKey: log) else { return }
    self.tenant.memory.release(Self.size(position, group, log))
    if self.byGroup[group]?.isEmpty == true { self.byGroup[group] = nil }
    Self.remove(group, from: &self.groupsByLog, log)
  }

  private static func remove<Member: Hashable>(
    _ member: Member, from index: inout [String: Set<Member>], _ log: String
  ) {
    index[log]?.remove(member)
    if index[log]?.isEmpty == true { index[log] = nil }
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
      if position.rank > 0 { writer.write(6, position.rank) }
    }
    var entry = ByteBuffer(integer: kind)
    entry.writeImmutableBuffer(writer.buffer)
    return entry
  }

  private static func entry(_ position: Position, _ group: String, _ log: String) -> ByteBuffer {
    Self.entry(Kind.position, group, log, position)
  }

  private static func entries(_ change: Change) -> [ByteBuffer] {
    if change.isRemoval { return [Self.entry(Kind.groupRemoved, change.group, "")] }
    return change.positions.map { Self.entry($1, change.group, $0) }
      + change.removed.map { Self.entry(Kind.removed, change.group, $0) }
  }

  private func openJournal() throws(EngineError) -> any Journal {
    if let journal = self.journal { return journal }
    let journal = try self.tenant.store.journal(named: "cursors")
    self.journal = journal
    return journal
  }
}
