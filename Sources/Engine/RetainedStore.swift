public import GodwitPrimitives

/// The last value of each topic whose sender asked for it to be kept (MQTT 5.0, 3.3.1.3).
///
/// A log with one record per key, in memory; the durable form is a compacted log behind the same
/// calls.
public final class RetainedStore {
  private final class Entry: TopicTreeEntry, TimerTarget {
    var treePosition = -1
    let pattern: TopicPattern
    var record: Record
    /// Which of all values that were ever kept it is.
    var number: UInt64
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
      self.store.remove(self)
    }
  }

  private let tree = TopicTree<Entry>()
  private unowned let engine: Engine
  private let memory: MemoryBudget
  private let limit: Int
  /// What an entry takes beside its record, its topic and its place in the tree.
  private static var entryBytes: Int { 176 }
  /// How many topics have a value.
  public var count: Int { self.tree.count }
  /// The bytes they take.
  public private(set) var byteCount = 0
  /// How many values were ever kept.
  public private(set) var lastNumber: UInt64 = 0

  init(engine: Engine, memory: MemoryBudget) {
    self.engine = engine
    self.memory = memory
    self.limit = engine.limits.retainedMax
  }

  /// Keeps `record` as its topic's last value.
  ///
  /// - Throws: `EngineError` when too many topics, or too many bytes, are kept already: then the
  ///   topic has no value.
  public func set(_ record: Record) throws(EngineError) {
    let pattern = TopicPattern(canonical: record.topic)
    guard pattern.levels <= self.engine.limits.topicLevelsMax else {
      throw EngineError(
        .topicTooDeep, "more than \(self.engine.limits.topicLevelsMax) levels in a topic")
    }
    if let entry = self.tree.entry(at: pattern) {
      try self.replace(entry, with: record)
      return
    }
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
  }

  /// The entry stays where it is, so that walks which are under way stay true.
  private func replace(_ entry: Entry, with record: Record) throws(EngineError) {
    let growth = record.byteCount - entry.record.byteCount
    if growth <= 0 {
      self.memory.release(-growth)
    } else if !self.memory.reserve(growth) {
      self.remove(entry)
      throw Self.isSpent
    }
    entry.charge += growth
    self.byteCount += growth
    if let timer = entry.timer { self.engine.timers.cancel(timer) }
    entry.timer = nil
    self.lastNumber &+= 1
    entry.number = self.lastNumber
    entry.record = record
    self.schedule(entry)
  }

  private static var isSpent: EngineError {
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
    guard let entry = self.tree.entry(at: TopicPattern(canonical: topic)) else { return false }
    self.remove(entry)
    return true
  }

  /// Calls `body` with the value of every topic that `pattern` matches, in no particular order,
  /// until `body` answers `false`.
  public func search(_ pattern: TopicPattern, _ body: (Record) -> Bool) {
    let now = self.engine.now
    self.tree.search(pattern) { entry in
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
        if entry.number <= self.lastNumber, record.expiresAt == 0 || record.expiresAt > now {
          body(record)
        }
        return true
      }
    }
  }

  private func remove(_ entry: Entry) {
    if let timer = entry.timer { self.engine.timers.cancel(timer) }
    guard self.tree.remove(entry, at: entry.pattern) else { return }
    self.byteCount -= entry.charge
    self.memory.release(entry.charge)
  }
}
