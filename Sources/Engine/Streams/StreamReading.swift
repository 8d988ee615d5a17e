public import GodwitPrimitives

/// Looking records up without a group.
extension Stream {
  /// A record and its place.
  public struct Found {
    /// The record's offset.
    public let offset: UInt64
    /// The record.
    public let record: Record

    /// A record at a place.
    public init(offset: UInt64, record: Record) {
      self.offset = offset
      self.record = record
    }
  }

  /// Calls `body` with the record at `offset`, or `nil` where there is none: at once, or when it is
  /// committed and read.
  public func withRecord(at offset: UInt64, _ body: @escaping (Record?) -> Void) {
    if offset >= self.log.committedOffset, offset < self.log.nextOffset {
      self.whenCommitted(before: offset + 1) { error in
        if error == nil { self.withRecord(at: offset, body) } else { body(nil) }
      }
    } else if self.log.prepare(offset, { body(self.log.record(at: offset)) }) {
      body(self.log.record(at: offset))
    }
  }

  /// The record at `offset`, if it is there and committed. Reads the disk, where it must.
  public func committedRecord(at offset: UInt64) -> Record? { self.log.record(at: offset) }

  /// Calls `body` with the first record from `offset` on whose topic `pattern` matches; with `nil`
  /// where there is none.
  public func findNext(
    _ pattern: TopicPattern, from offset: UInt64, _ body: @escaping (Found?) -> Void
  ) {
    var first = UInt64.max
    var end: UInt64 = 0
    self.walkTopics(
      [pattern],
      while: { entry in
        guard entry.last >= offset else { return true }
        first = min(first, entry.first(from: offset))
        end = max(end, entry.last + 1)
        return true
      },
      done: {
        var found: Found?
        self.scan(
          from: max(first, offset), to: end,
          while: { offset, record in
            guard record.withTopic({ pattern.matches($0) }) else { return true }
            found = Found(offset: offset, record: record)
            return false
          }, done: { body(found) })
      })
  }

  /// The offset of the last record whose topic `pattern` matches.
  public func lastOffset(_ pattern: TopicPattern) -> UInt64? {
    var last: UInt64?
    self.index.search(pattern) { entry in
      last = max(last ?? 0, entry.last)
      return true
    }
    return last
  }

  /// The offsets of the last record of each topic that a pattern matches, in order.
  public func lastOffsets(_ patterns: [TopicPattern]) -> [UInt64] {
    var offsets: Set<UInt64> = []
    for pattern in patterns {
      self.index.search(pattern) { entry in
        offsets.insert(entry.last)
        return true
      }
    }
    return offsets.sorted()
  }

  /// How many records there are of the topics that `pattern` matches.
  public func count(_ pattern: TopicPattern) -> Int {
    var count = 0
    self.index.search(pattern) { entry in
      count += entry.count
      return true
    }
    return count
  }
}

extension TopicIndex.Entry {
  /// No record of the topic that lies at `offset` or later lies before the answer.
  func first(from offset: UInt64) -> UInt64 {
    guard !self.places.isEmpty else { return max(self.first, offset) }
    let position = self.position(of: offset)
    return position < self.places.count ? self.place(position).offset : .max
  }
}
