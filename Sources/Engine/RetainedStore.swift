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
    var timer: Timers.Token?
    unowned let store: RetainedStore

    init(pattern: TopicPattern, record: Record, store: RetainedStore) {
      self.pattern = pattern
      self.record = record
      self.store = store
    }

    func timerFired(_ kind: Int) {
      self.timer = nil
      self.store.remove(self)
    }
  }

  private let tree = TopicTree<Entry>()
  private unowned let engine: Engine
  private let limit: Int
  /// How many topics have a value.
  public var count: Int { self.tree.count }
  /// The bytes they hold.
  public private(set) var byteCount = 0

  init(engine: Engine) {
    self.engine = engine
    self.limit = engine.limits.retainedMax
  }

  /// Keeps `record` as its topic's last value.
  ///
  /// - Throws: `EngineError` when too many topics, or too many bytes, are kept already.
  public func set(_ record: Record) throws(EngineError) {
    let pattern = TopicPattern(canonical: record.topic)
    if let entry = self.entry(at: pattern) {
      self.remove(entry)
    } else if self.count >= self.limit {
      throw EngineError(.quotaExceeded, "more than \(self.limit) retained topics")
    }
    guard self.engine.memory.reserve(record.byteCount) else {
      throw EngineError(.quotaExceeded, "the budget for stored messages is spent")
    }
    self.byteCount += record.byteCount
    let entry = Entry(pattern: pattern, record: record, store: self)
    self.tree.insert(entry, at: pattern)
    if record.expiresAt > 0 {
      entry.timer = self.engine.timers.schedule(at: record.expiresAt, entry, kind: 0)
    }
  }

  /// Forgets the value of `topic`.
  ///
  /// - Returns: whether there was one.
  @discardableResult
  public func remove(topic: [UInt8]) -> Bool {
    guard let entry = self.entry(at: TopicPattern(canonical: topic)) else { return false }
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

  private func entry(at pattern: TopicPattern) -> Entry? {
    var found: Entry?
    self.tree.search(pattern) { entry in
      found = entry
      return false
    }
    return found
  }

  private func remove(_ entry: Entry) {
    if let timer = entry.timer { self.engine.timers.cancel(timer) }
    guard self.tree.remove(entry, at: entry.pattern) else { return }
    self.byteCount -= entry.record.byteCount
    self.engine.memory.release(entry.record.byteCount)
  }
}
