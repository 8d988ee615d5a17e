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
