public import GodwitPrimitives

/// Looking through many records, without holding anybody up.
extension Stream {
  /// The offsets between the oldest record and the last one that are gone, oldest first.
  ///
  /// - Parameter limit: the most offsets; more are left out.
  public func goneOffsets(limit: Int) -> [UInt64] {
    guard self.count > self.pending.count else { return [] }
    let end = self.log.committedOffset
    var offset = self.log.next(from: self.log.firstOffset)
    let all = Int(clamping: end - offset) - (self.count - self.pending.count)
    var gone: [UInt64] = []
    while offset < end, gone.count < min(all, limit) {
      let next = self.log.next(from: offset)
      let room = UInt64(limit - gone.count)
      gone += offset..<min(next, offset.addingReportingOverflow(room).partialValue)
      offset = next + 1
    }
    return gone
  }

  /// Calls `body` with the offset of the first record that came in at `time`, in the engine's
  /// clock, or later: with the next offset where none did.
  public func findOffset(at time: Int64, _ body: @escaping (UInt64) -> Void) {
    self.search(time, self.log.firstOffset, self.log.committedOffset, body)
  }

  /// Halves the part of the log in which the first record of `time` or later lies.
  private func search(
    _ time: Int64, _ low: UInt64, _ high: UInt64, _ body: @escaping (UInt64) -> Void
  ) {
    let log = self.log
    var low = low
    var high = high
    while low < high, !self.isDeleted {
      let middle = low + (high - low) / 2
      let offset = log.next(from: middle)
      guard offset < high else {
        high = middle
        continue
      }
      let isReady = log.prepare(offset) { [low, high] in
        self.search(time, low, high, body)
      }
      guard isReady else { return }
      if let record = log.record(at: offset), record.receivedAt >= time {
        high = middle
      } else {
        low = offset + 1
      }
    }
    body(log.next(from: max(low, log.firstOffset)))
  }

  /// Calls `visit` with the records from `start` on whose topics `pattern` matches, oldest first,
  /// until it answers `false`; and `done` at the end.
  ///
  /// - Parameter end: the first offset that is not looked at; `nil` for all there are now.
  public func forEachRecord(
    _ pattern: TopicPattern?, from start: UInt64, to end: UInt64? = nil,
    while visit: @escaping (Found) -> Bool, done: @escaping () -> Void
  ) {
    self.scan(
      from: start, to: end ?? self.log.committedOffset,
      while: { offset, record in
        if let pattern, !record.withTopic({ pattern.matches($0) }) { return true }
        return visit(Found(offset: offset, record: record))
      }, done: done)
  }

  /// Calls `visit` with the records at `offsets`, in that order, until it answers `false`; with
  /// `nil` for one that is gone. Then calls `done`.
  public func forEachRecord(
    at offsets: ArraySlice<UInt64>, while visit: @escaping (UInt64, Record?) -> Bool,
    done: @escaping () -> Void
  ) {
    var rest = offsets
    while let offset = rest.first {
      let isReady = self.log.prepare(offset) { [rest] in
        guard !self.isDeleted else { return done() }
        self.forEachRecord(at: rest, while: visit, done: done)
      }
      guard isReady else { return }
      rest.removeFirst()
      guard visit(offset, self.log.record(at: offset)) else { break }
    }
    done()
  }

  /// Calls `body` with how many records there are from `start` on whose topics `pattern` matches.
  public func countRecords(
    _ pattern: TopicPattern?, from start: UInt64, _ body: @escaping (Int) -> Void
  ) {
    let first = self.log.next(from: self.log.firstOffset)
    if start <= first { return body(self.countCommitted(pattern.map { [$0] } ?? [])) }
    let end = self.log.committedOffset
    guard start < end else { return body(0) }
    if pattern == nil, UInt64(self.count - self.pending.count) == end - first {
      return body(Int(clamping: end - start))
    }
    var count = 0
    self.forEachRecord(
      pattern, from: start,
      while: { _ in
        count += 1
        return true
      }, done: { body(count) })
  }

  /// Calls `body` with the offsets of the last record before `end` of each topic that a pattern
  /// matches, in order.
  ///
  /// - Parameter limit: the most topics; where there are more, one more than that is told.
  public func findLastOffsets(
    _ patterns: [TopicPattern], before end: UInt64, limit: Int,
    _ body: @escaping ([UInt64]) -> Void
  ) {
    if end >= self.log.committedOffset {
      var offsets: Set<UInt64> = []
      return self.walkTopics(
        patterns,
        while: { entry in
          offsets.insert(entry.last)
          return offsets.count <= limit
        }, done: { body(offsets.filter { $0 < self.log.committedOffset }.sorted()) })
    }
    var last: [[UInt8]: UInt64] = [:]
    self.forEachRecord(
      nil, from: self.log.firstOffset, to: end,
      while: { found in
        let topic = found.record.topic
        let isWanted = topic.withUnsafeBytes { topic in
          patterns.contains { $0.matches(topic) }
        }
        if isWanted { last[topic] = found.offset }
        return last.count <= limit
      }, done: { body(last.values.sorted()) })
  }
}
