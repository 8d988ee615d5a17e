import GodwitPrimitives
import NIOCore

/// Last values in a log. The newest record of a topic counts; the one before it goes when the
/// newest is committed, so that a crash leaves one of them.
extension RetainedStore {
  private static var name: String { "retained" }
  /// How many more offsets than values the log may span before old values are written again.
  private static var spanMin: UInt64 { 8_192 }

  /// Reads what the tenant's store has kept, and keeps values there from now on. Once, when the
  /// store is set.
  ///
  /// - Throws: `storageFailed`, and `quotaExceeded` where there is more than may be kept.
  public func restore(from store: any Store) throws(EngineError) {
    let log = try store.log(named: Self.name)
    let now = self.engine.now
    var offset = log.next(from: log.firstOffset)
    while offset < log.committedOffset {
      if let record = log.record(at: offset)?.copied {
        let pattern = TopicPattern(canonical: record.topic)
        let old = self.tree.entry(at: pattern)
        if let before = old?.offset { log.remove(at: before) }
        if record.body.readableBytes == 0 || (record.expiresAt > 0 && record.expiresAt <= now) {
          if let old { self.drop(old) }
          log.remove(at: offset)
        } else {
          let entry: Entry
          if let old {
            entry = old
            try self.replace(old, with: record)
          } else {
            entry = try self.insert(record, at: pattern)
          }
          entry.offset = offset
        }
      }
      offset = log.next(from: offset + 1)
    }
    self.log = log
  }

  /// Writes an entry's value down, unless it need not last: what the broker says about itself.
  ///
  /// - Parameter before: what there was before it.
  func write(_ entry: Entry, _ before: Settled) throws(EngineError) -> Receipt? {
    guard let log = self.log, !entry.pattern.bytes.withUnsafeBytes({ $0.isSystemTopic }) else {
      return nil
    }
    entry.settled = entry.settled ?? before
    entry.revision &+= 1
    let offset: UInt64
    do throws(EngineError) {
      offset = try log.append(entry.record)
    } catch {
      self.takeBack(entry)
      throw error
    }
    entry.offset = offset
    let (record, revision, number) = (entry.record, entry.revision, entry.number)
    let isCleared = entry.isCleared
    log.whenCommitted(before: offset + 1) { error in
      self.settle(
        entry, revision, error,
        Settled(record: isCleared ? nil : record, number: number, offset: offset))
    }
    return Receipt { log.whenCommitted(before: offset + 1, $0) }
  }

  /// Writes down that a value is taken away.
  func writeCleared(_ entry: Entry) throws(EngineError) -> Receipt? {
    let before = Settled(record: entry.record, number: entry.number, offset: entry.offset)
    if let timer = entry.timer { self.engine.timers.cancel(timer) }
    entry.timer = nil
    self.lastNumber &+= 1
    let nothing = entry.pattern.bytes.withUnsafeBytes { topic in
      let none = UnsafeRawBufferPointer(start: nil, count: 0)
      return Record(
        copying: Publication(
          topic: topic, payload: none, origin: .engine, native: none, quality: .atMostOnce),
        now: self.engine.now, metadata: nil)
    }
    self.put(nothing, self.lastNumber, into: entry)
    entry.isCleared = true
    return try self.write(entry, before)
  }

  /// The log has a write, or will never have it.
  private func settle(
    _ entry: Entry, _ revision: UInt64, _ error: EngineError?, _ written: Settled
  ) {
    let isLast = entry.revision == revision
    guard error == nil else {
      if isLast { self.takeBack(entry) }
      return
    }
    let before = entry.settled?.offset
    entry.settled = isLast ? nil : written
    if let before, before != written.offset { self.log?.remove(at: before) }
    if isLast, entry.isCleared, !entry.isGone {
      self.drop(entry)
      if let offset = written.offset { self.log?.remove(at: offset) }
    }
    self.writeOldestAgain()
  }

  /// Gives a topic back what it has for sure.
  private func takeBack(_ entry: Entry) {
    guard let settled = entry.settled, !entry.isGone else { return }
    entry.settled = nil
    entry.offset = settled.offset
    guard let record = settled.record else { return self.drop(entry) }
    // It was there a moment ago: it is there again whether the budget likes it or not.
    self.memory.add(max(0, record.byteCount - entry.record.byteCount))
    self.put(record, settled.number, into: entry)
  }

  /// A value that never changes would hold its segment of the log for ever, and all that have come
  /// and gone beside it: where the log has become much longer than what it holds, the oldest is
  /// written again with each write.
  private func writeOldestAgain() {
    guard let log = self.log,
      log.nextOffset - log.firstOffset > 2 * UInt64(self.count) + Self.spanMin
    else { return }
    let offset = log.next(from: log.firstOffset)
    guard offset < log.committedOffset, log.prepare(offset, {}) else { return }
    guard let topic = log.record(at: offset)?.topic,
      let entry = self.tree.entry(at: TopicPattern(canonical: topic)),
      entry.offset == offset || entry.settled?.offset == offset
    else {
      log.remove(at: offset)
      return
    }
    guard entry.settled == nil else { return }
    _ = try? self.write(
      entry, Settled(record: entry.record, number: entry.number, offset: entry.offset))
  }
}
