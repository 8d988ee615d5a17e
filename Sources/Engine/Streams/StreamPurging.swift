public import GodwitPrimitives
import NIOCore

/// Taking records away because somebody says so.
extension Stream {
  /// Which records go.
  public struct Purge: Hashable, Sendable {
    /// Those of topics that this matches; `nil` for all.
    public var pattern: TopicPattern?
    /// Those that lie before this offset; `nil` for all.
    public var before: UInt64?
    /// So many of them, the newest, stay.
    public var keeping = 0
    /// Whether the next record gets the offset `before`, where all go and that lies beyond the end.
    public var movesEnd = false

    /// A purge; of everything, where nothing is said.
    public init(pattern: TopicPattern? = nil, before: UInt64? = nil, keeping: Int = 0) {
      self.pattern = pattern
      self.before = before
      self.keeping = keeping
    }
  }

  /// Deletes one record.
  ///
  /// - Parameter body: called with whether it was there, when it is gone.
  /// - Throws: `notAllowed` where the settings deny it.
  public func delete(_ offset: UInt64, _ body: @escaping (Bool) -> Void) throws(EngineError) {
    guard !self.settings.deniesDelete, !self.settings.isSealed else {
      throw EngineError(.notAllowed, "records of the stream cannot be deleted")
    }
    self.withRecord(at: offset) { record in
      body(record.map { record in self.engine.publishing { self.drop(offset, record) } } ?? false)
    }
  }

  /// Removes records. Those that come in while it is at it stay.
  ///
  /// - Parameter body: called with how many went, when they are gone.
  /// - Throws: `notAllowed` where the settings deny it.
  public func purge(_ purge: Purge, _ body: @escaping (Int) -> Void) throws(EngineError) {
    guard !self.settings.deniesPurge, !self.settings.isSealed else {
      throw EngineError(.notAllowed, "the stream cannot be purged")
    }
    let end = self.log.nextOffset
    self.whenCommitted(before: end) { error in
      guard error == nil, !self.isDeleted else { return body(0) }
      let before = min(end, purge.before ?? end)
      // What was committed together with the end, and lies behind it, stays.
      if purge.pattern == nil, purge.keeping == 0, before == end, self.log.committedOffset == end {
        let count = self.count
        _ = self.engine.publishing { self.clear(before: end) }
        if purge.movesEnd, let next = purge.before, next > end { self.moveEnd(to: next) }
        body(count - self.count)
      } else {
        self.purgeSome(purge, before: before, body)
      }
    }
  }

  /// Nothing is there, and the next record gets that offset.
  private func moveEnd(to offset: UInt64) {
    self.log.skip(to: offset)
    self.engine.publishing {
      for group in self.groupsByName.values {
        group.recordsRemoved(before: self.log.committedOffset)
      }
    }
  }

  private func purgeSome(_ purge: Purge, before: UInt64, _ body: @escaping (Int) -> Void) {
    let all = self.log.firstOffset..<max(before, self.log.firstOffset)
    guard let pattern = purge.pattern else {
      return self.purge(purge, all, of: self.count, body)
    }
    var (first, end) = (UInt64.max, UInt64(0))
    var count = 0
    self.walkTopics(
      [pattern],
      while: { entry in
        first = min(first, entry.first)
        end = max(end, entry.last + 1)
        count += entry.count
        return true
      },
      done: {
        self.purge(purge, (first < end ? first..<end : 0..<0).clamped(to: all), of: count, body)
      })
  }

  private func purge(
    _ purge: Purge, _ bounds: Range<UInt64>, of all: Int, _ body: @escaping (Int) -> Void
  ) {
    var left = Int.max
    if purge.keeping > 0 {
      left = max(0, all - self.countPending(purge.pattern) - purge.keeping)
    }
    var count = 0
    self.scan(
      from: bounds.lowerBound, to: bounds.upperBound,
      while: { offset, record in
        guard count < left else { return false }
        guard purge.pattern.map({ pattern in record.withTopic { pattern.matches($0) } }) ?? true
        else { return true }
        if self.drop(offset, record) { count += 1 }
        return true
      }, done: { body(count) })
  }

  /// How many records that a pattern matches are not committed.
  func countPending(_ pattern: TopicPattern?) -> Int {
    self.pending.reduce(0) { count, append in
      let isMatch =
        pattern.map { pattern in append.entry.pattern.bytes.withUnsafeBytes(pattern.matches) }
        ?? true
      return isMatch ? count + 1 : count
    }
  }

  /// Removes every record before `end`, which is committed, without a look at any.
  ///
  /// - Parameter also: a record from `end` on that is not among `pending` any more.
  /// - Returns: what the index has of the topic of `also` now.
  @discardableResult
  func clear(before end: UInt64, keeping also: PendingAppend? = nil) -> TopicIndex.Entry? {
    self.log.trim(before: end)
    self.keeping.isStale = true
    // Nothing is left that could not be read.
    self.loss.remove(before: end)
    self.loss.isInexact = false
    self.index.removeAll()
    self.schedules.remove(before: end)
    self.count = 0
    self.byteCount = 0
    let entry = also.flatMap { self.reindex($0) }
    var kept = CircularBuffer<PendingAppend>()
    for var append in self.pending {
      if let entry = self.reindex(append) {
        entry.pending += 1
        append.entry = entry
      }
      kept.append(append)
    }
    self.pending = kept
    for group in self.groupsByName.values { group.recordsRemoved(before: end) }
    return entry
  }

  private func reindex(_ append: PendingAppend) -> TopicIndex.Entry? {
    self.count += 1
    self.byteCount += append.size
    return append.entry.pattern.bytes.withUnsafeBytes { topic in
      self.index.insert(
        topic, self.index.entry(of: topic), offset: append.offset, size: append.size)
    }
  }
}
