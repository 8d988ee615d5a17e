public import GodwitPrimitives

/// The last value of each topic whose sender asked for it to be kept (MQTT 5.0, 3.3.1.3).
///
/// A log with one record per key: in memory, and with a data folder in a log beside it, of which
/// the last record of each topic counts. An empty one there stands for a value that was taken away.
public final class RetainedStore {
  /// What a topic has for sure, while something newer is on its way to the log.
  struct Settled {
    /// The value, unless there is none.
    var record: Record?
    var number: UInt64
    /// Where it is in the log, unless there is nothing.
    var offset: UInt64?
  }

  final class Entry: TopicTreeEntry, TimerTarget {
    var treePosition = -1
    let pattern: TopicPattern
    var record: Record
    /// Which of all values that were ever kept it is.
    var number: UInt64
    /// Where the value is in the log; `nil` where it need not last.
    var offset: UInt64?
    /// Which of the topic's writes to the log was the last.
    var revision: UInt64 = 0
    /// What is committed, while `record` is not.
    var settled: Settled?
    /// Whether the value is being taken away.
    var isCleared = false
    /// Whether the entry has left the tree.
    var isGone = false
    /// What was taken from the budget for it.
    var charge = 0
    var timer: Timers.Token?
    unowned let store: RetainedStore

    init(pattern: TopicPattern, record: Record, number: UInt64, store: RetainedStore) {
      self.pattern = pattern
      self.record = record
      self.number = number
      self.store = store
    }

    func timerFired(_ kind: Int) {
      self.timer = nil
      self.store.forget(self)
    }
  }

  let tree = TopicTree<Entry>()
  unowned let engine: Engine
  /// Where values last; `nil` in memory.
  var log: (any Log)?
  let memory: MemoryBudget
  private let limit: Int
  /// What an entry takes beside its record, its topic and its place in the tree.
  private static var entryBytes: Int { 176 }
  /// How many topics have a value.
  public var count: Int { self.tree.count }
  /// The bytes they take.
  public private(set) var byteCount = 0
  /// How many values were ever kept.
  public internal(set) var lastNumber: UInt64 = 0

  init(engine: Engine, memory: MemoryBudget) {
    self.engine = engine
    self.memory = memory
    self.limit = engine.limits.retainedMax
  }

  /// Keeps `record` as its topic's last value. It is there at once; where it is to last and the
  /// disk refuses it, the value before it comes back.
  ///
  /// - Returns: what to wait for before the value is acknowledged; `nil` in memory.
  /// - Throws: `EngineError` when too many topics, or too many bytes, are kept already: then the
  ///   topic has no value. `storageFailed` when the log takes nothing.
  @discardableResult
  public func set(_ record: Record) throws(EngineError) -> Receipt? {
    let pattern = TopicPattern(canonical: record.topic)
    guard pattern.levels <= self.engine.limits.topicLevelsMax else {
      throw EngineError(
        .topicTooDeep, "more than \(self.engine.limits.topicLevelsMax) levels in a topic")
    }
    if let entry = self.tree.entry(at: pattern) {
      let before = Settled(record: entry.record, number: entry.number, offset: entry.offset)
      try self.replace(entry, with: record)
      return try self.write(entry, before)
    }
    let entry = try self.insert(record, at: pattern)
    return try self.write(entry, Settled(record: nil, number: 0, offset: nil))
  }

  func insert(
    _ record: Record, at pattern: TopicPattern
  ) throws(EngineError) -> Entry {
    guard self.count < self.limit else {
      throw EngineError(.quotaExceeded, "more than \(self.limit) retained topics")
    }
    self.lastNumber &+= 1
    let entry = Entry(pattern: pattern, record: record, number: self.lastNumber, store: self)
    let before = self.tree.byteCount
    self.tree.insert(entry, at: pattern)
    entry.charge =
      record.byteCount + pattern.bytes.count + Self.entryBytes + self.tree.byteCount - before
    guard self.memory.reserve(entry.charge) else {
      self.tree.remove(entry, at: pattern)
      throw Self.isSpent
    }
    self.byteCount += entry.charge
    self.schedule(entry)
    return entry
  }

  /// The entry stays where it is, so that walks which are under way stay true.
  func replace(_ entry: Entry, with record: Record) throws(EngineError) {
    let growth = record.byteCount - entry.record.byteCount
    guard growth <= 0 || self.memory.reserve(growth) else {
      self.forget(entry)
      throw Self.isSpent
    }
    self.lastNumber &+= 1
    self.put(record, self.lastNumber, into: entry)
  }

  /// Gives an entry a value whose memory is taken already, as far as it is more.
  func put(_ record: Record, _ number: UInt64, into entry: Entry) {
    let growth = record.byteCount - entry.record.byteCount
    if growth < 0 { self.memory.release(-growth) }
    entry.charge += growth
    self.byteCount += growth
    if let timer = entry.timer { self.engine.timers.cancel(timer) }
    entry.timer = nil
    entry.number = number
    entry.record = record
    entry.isCleared = false
    self.schedule(entry)
  }

  static var isSpent: EngineError {
    EngineError(.quotaExceeded, "the budget for stored messages is spent")
  }

  private func schedule(_ entry: Entry) {
    guard entry.record.expiresAt > 0 else { return }
    entry.timer = self.engine.timers.schedule(at: entry.record.expiresAt, entry, kind: 0)
  }

  /// Forgets the value of `topic`.
  ///
  /// - Returns: whether there was one.
  @discardableResult
  public func remove(topic: [UInt8]) -> Bool {
    guard let entry = self.tree.entry(at: TopicPattern(canonical: topic)), !entry.isCleared else {
      return false
    }
    self.forget(entry)
    return true
  }

  /// Forgets the value of `topic`.
  ///
  /// - Returns: what to wait for before that is acknowledged; `nil` in memory, or without a value.
  /// - Throws: `storageFailed` when the log takes nothing: then the value stays.
  public func clear(topic: [UInt8]) throws(EngineError) -> Receipt? {
    guard let entry = self.tree.entry(at: TopicPattern(canonical: topic)) else { return nil }
    guard entry.offset != nil || entry.settled != nil else {
      self.forget(entry)
      return nil
    }
    return try self.writeCleared(entry)
  }

  /// Calls `body` with the value of every topic that `pattern` matches, in no particular order,
  /// until `body` answers `false`.
  public func search(_ pattern: TopicPattern, _ body: (Record) -> Bool) {
    let now = self.engine.now
    self.tree.search(pattern) { entry in
      if entry.isCleared { return true }
      if entry.record.expiresAt > 0, entry.record.expiresAt <= now { return true }
      return body(entry.record)
    }
  }

  /// A walk over the values that `pattern` matches.
  ///
  /// - Parameter number: `lastNumber` when whoever walks began to get new values as they come:
  ///   those are passed over.
  public func cursor(_ pattern: TopicPattern, upTo number: UInt64) -> Cursor {
    Cursor(self, pattern, number)
  }

  /// A walk over values that can be left and gone on with while they change.
  public final class Cursor {
    private let store: RetainedStore
    private let place: TopicTree<Entry>.Cursor
    private let lastNumber: UInt64

    fileprivate init(_ store: RetainedStore, _ pattern: TopicPattern, _ number: UInt64) {
      self.store = store
      self.place = TopicTree<Entry>.Cursor(store.tree, pattern)
      self.lastNumber = number
    }

    /// Goes on by at most `steps` topics or levels of topics, and calls `body` with the values
    /// there.
    ///
    /// - Returns: whether there may be more.
    public func advance(_ steps: Int, _ body: (Record) -> Void) -> Bool {
      let now = self.store.engine.now
      return self.place.advance(steps) { entry in
        let record = entry.record
        if entry.number <= self.lastNumber, !entry.isCleared,
          record.expiresAt == 0 || record.expiresAt > now
        {
          body(record)
        }
        return true
      }
    }
  }

  /// Takes a value away without being waited for.
  private func forget(_ entry: Entry) {
    if entry.offset != nil || entry.settled != nil {
      if (try? self.writeCleared(entry)) != nil { return }
    }
    self.drop(entry)
  }

  /// Takes an entry out of the tree.
  func drop(_ entry: Entry) {
    if let timer = entry.timer { self.engine.timers.cancel(timer) }
    entry.timer = nil
    entry.isGone = true
    guard self.tree.remove(entry, at: entry.pattern) else { return }
    self.byteCount -= entry.charge
    self.memory.release(entry.charge)
  }
}
