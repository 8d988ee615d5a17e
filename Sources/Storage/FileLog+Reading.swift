public import GodwitEngine
import GodwitPrimitives
import NIOCore

/// How a log's entries are found: by offset, by time, and before somebody waits for them.
extension FileLog {
  /// What stands for `offset`; see `Log`.
  public func entry(at offset: UInt64) -> LogEntry? {
    guard let segment = self.segment(having: offset),
      let block = self.block(of: offset, in: segment)
    else { return nil }
    // Who shares a block that is added to would have it copied.
    return block.entry(at: offset, self.engine, sharing: segment.isFull(block))
  }

  /// The record at `offset`, if its block is in memory, whose memory it shares; see `Log`.
  public func peek(at offset: UInt64) -> LogPeek {
    guard let segment = self.segment(having: offset), let place = segment.place(of: offset) else {
      return .none
    }
    guard let block = self.blockAtHand(segment.index[place], segment) else { return .later }
    // Who shares a block that is added to would have it copied.
    let record = block.record(at: offset, self.engine, sharing: segment.isFull(block))
    return record.map { .record($0) } ?? .none
  }

  // MARK: Reading ahead

  /// Whether the block of `offset` is in memory; see `Log`.
  public func isAtHand(_ offset: UInt64) -> Bool {
    guard let segment = self.segment(having: offset), let place = segment.place(of: offset) else {
      return true
    }
    return self.blockAtHand(segment.index[place], segment) != nil
  }

  /// Has the block of `offset` read, if it is not in memory; see `Log`.
  public func prepare(_ offset: UInt64, _ body: @escaping () -> Void) -> Bool {
    self.prepare(offset, bytes: 0, body)
  }

  /// Has blocks read that are not in memory, in one go; see `Log`.
  public func prepare(_ offset: UInt64, bytes: Int, _ body: @escaping () -> Void) -> Bool {
    guard let segment = self.segment(having: offset), let first = segment.place(of: offset),
      self.blockAtHand(segment.index[first], segment) == nil
    else { return true }
    // Who says how much it wants comes for as much again: what would lie ready of that would be all
    // that it gets.
    let ahead = bytes == 0 ? self.readAhead.bytes(at: segment.index[first].offset) : bytes
    // Together they must not push each other out of the cache.
    let bytesMax = min(ahead, self.store.settings.cacheBytesMax / 4)
    let start = segment.index[first].position
    var end = first + 1
    while end < segment.index.count, segment.blockEnd(end).position - start <= bytesMax,
      self.blockAtHand(segment.index[end], segment) == nil
    {
      end += 1
    }
    let last = segment.blockEnd(end - 1)
    if bytes == 0 { self.readAhead.note(last.position - start, upTo: last.offset) }
    // Not a slice, which would have the index copied when it grows.
    let entries = Array(segment.index[first..<end])
    let counts = (first..<end).map { place in
      segment.blockEnd(place).position - segment.index[place].position
    }
    // Each has memory of its own: the cache lets go of one at a time.
    segment.file.load(counts, at: start) { result in
      switch result {
      case .success(let read):
        // A segment that is gone has no place in the cache, nor what comes in its stead.
        guard self.segment(of: offset) === segment else { break }
        for ((entry, count), bytes) in zip(zip(entries, counts), read) {
          _ = self.keep(bytes, entry, count, segment)
        }
      case .failure(let error): _ = self.store.refuse(error)
      }
      body()
    }
    return false
  }

  // MARK: By time and size

  /// The latest time; see `Log`.
  public var latestTime: Int64 { self.segments.reduce(0) { max($0, $1.latestTime) } }

  /// The first entry that is not older; see `Log`.
  public func offset(forTime time: Int64) -> UInt64? {
    for segment in self.segments where segment.latestTime >= time && segment.count > 0 {
      let first = segment.index.partitioningIndex { $0.latest >= time }
      for place in first..<segment.index.count {
        let block = self.block(of: segment.index[place].offset, in: segment)
        let found = block?.offsets(forTime: time) { offsets in
          segment.next(from: offsets.lowerBound, to: offsets.upperBound) < offsets.upperBound
        }
        guard let found else { continue }
        let offset = segment.next(from: found.lowerBound, to: found.upperBound)
        return offset < self.committedOffset ? offset : nil
      }
    }
    return nil
  }

  /// What is older; see `Log`.
  public func trimOffset(olderThan time: Int64) -> UInt64 {
    var offset = self.firstOffset
    for segment in self.segments {
      let place = segment.index.partitioningIndex { $0.latest >= time }
      guard place == segment.index.count else {
        offset = max(offset, segment.index[place].offset)
        break
      }
      offset = segment.endOffset
    }
    return min(offset, self.committedOffset)
  }

  /// What is too much; see `Log`.
  public func trimOffset(keeping bytes: Int) -> UInt64 {
    var left = self.byteCount
    var offset = self.firstOffset
    for segment in self.segments {
      if segment !== self.active, left - segment.byteCount >= bytes {
        left -= segment.byteCount
        offset = segment.endOffset
        continue
      }
      guard segment.count > 0 else { continue }
      for place in (segment.place(of: max(offset, segment.baseOffset)) ?? 0)..<segment.index.count {
        // What is gone of a block already counts as if it were there: so less goes, never more.
        let end = segment.blockEnd(place)
        left -= end.position - segment.index[place].position
        guard left >= bytes, end.offset <= self.committedOffset else {
          return min(offset, self.committedOffset)
        }
        offset = end.offset
      }
    }
    return min(offset, self.committedOffset)
  }
}
