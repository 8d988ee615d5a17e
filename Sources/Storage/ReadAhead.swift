/// How much is read at once: of those who go through a log in order, twice as much each time, up to
/// a bound. Each time a thread has to be woken, and wakes the loop.
struct ReadAhead {
  private static let bytesMax = 512 << 10
  /// So many readers are known apart.
  private static let readersMax = 8

  /// Where readers will go on, and what was read for each the last time; the latest at the end.
  private var readers: [(next: UInt64, bytes: Int)] = []

  /// How much should be read from `offset` on, a block's first; 0 for that block alone.
  mutating func bytes(at offset: UInt64) -> Int {
    guard let place = self.readers.lastIndex(where: { $0.next == offset }) else { return 0 }
    return min(2 * self.readers.remove(at: place).bytes, Self.bytesMax)
  }

  /// Notes that so much is read, up to `offset`.
  mutating func note(_ bytes: Int, upTo offset: UInt64) {
    if self.readers.count == Self.readersMax { self.readers.removeFirst() }
    self.readers.append((offset, bytes))
  }
}
