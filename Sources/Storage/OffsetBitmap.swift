/// Which of a segment's offsets are gone: a bit each, from the segment's first one on.
struct OffsetBitmap {
  let base: UInt64
  private var words: [UInt64] = []
  /// How many are gone.
  private(set) var count = 0

  init(base: UInt64) {
    self.base = base
  }

  func contains(_ offset: UInt64) -> Bool {
    guard offset >= self.base, let index = Int(exactly: offset - self.base),
      index / 64 < self.words.count
    else { return false }
    return self.words[index / 64] & 1 << UInt64(index % 64) != 0
  }

  /// - Returns: whether it was not there before.
  @discardableResult
  mutating func insert(_ offset: UInt64) -> Bool {
    guard offset >= self.base, let index = Int(exactly: offset - self.base) else { return false }
    while self.words.count <= index / 64 {
      self.words.append(0)
    }
    let bit: UInt64 = 1 << UInt64(index % 64)
    guard self.words[index / 64] & bit == 0 else { return false }
    self.words[index / 64] |= bit
    self.count += 1
    return true
  }

  /// Marks a whole stretch.
  ///
  /// - Returns: how many were not there before.
  @discardableResult
  mutating func insert(_ range: Range<UInt64>) -> Int {
    guard range.upperBound > max(range.lowerBound, self.base),
      let end = Int(exactly: range.upperBound - self.base)
    else { return 0 }
    var index = Int(max(range.lowerBound, self.base) - self.base)
    while self.words.count <= (end - 1) / 64 { self.words.append(0) }
    let before = self.count
    while index < end {
      let bits = min(64 - index % 64, end - index)
      let mask = (bits == 64 ? UInt64.max : (1 << UInt64(bits)) - 1) << UInt64(index % 64)
      self.count += (mask & ~self.words[index / 64]).nonzeroBitCount
      self.words[index / 64] |= mask
      index += bits
    }
    return self.count - before
  }

  /// The first offset from `offset` on, and below `end`, that is gone; `end` when none is.
  func nextGone(from offset: UInt64, to end: UInt64) -> UInt64 {
    var offset = max(offset, self.base)
    while offset < end, let index = Int(exactly: offset - self.base), index / 64 < self.words.count
    {
      let gone = self.words[index / 64] >> UInt64(index % 64)
      if gone != 0 { return min(end, offset + UInt64(gone.trailingZeroBitCount)) }
      offset += 64 - UInt64(index % 64)
    }
    return end
  }

  /// The first offset from `offset` on, and below `end`, that is not gone; `end` when all are.
  func next(from offset: UInt64, to end: UInt64) -> UInt64 {
    var offset = max(offset, self.base)
    while offset < end, let index = Int(exactly: offset - self.base), index / 64 < self.words.count
    {
      let free = ~self.words[index / 64] >> UInt64(index % 64)
      if free != 0 { return min(end, offset + UInt64(free.trailingZeroBitCount)) }
      offset += 64 - UInt64(index % 64)
    }
    return min(offset, end)
  }
}
