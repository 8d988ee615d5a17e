/// Finds repetitions of at least four bytes, greedily: one table, the last place for each hash.
struct MatchFinder {
  struct Match {
    /// Where the repetition stands.
    var offset: Int
    /// How far back the same bytes stand.
    var distance: Int
    /// How many bytes they are.
    var length: Int
  }

  private let bytes: UnsafeRawBufferPointer
  private let windowMax: Int
  private let lengthMax: Int
  /// From here on nothing is looked for, and no repetition goes beyond.
  private let end: Int
  /// How far a repetition may reach.
  private let reach: Int
  private var offset = 0
  /// Places plus one, by the hash of four bytes; 0 for none.
  private var table: [UInt32]
  private let shift: UInt32

  /// - Parameters:
  ///   - bytes: what to compress.
  ///   - windowMax: how far back to look.
  ///   - lengthMax: the longest repetition.
  ///   - quiet: how many bytes at the end no repetition may begin in.
  ///   - tail: how many bytes at the end no repetition may reach into.
  init(
    _ bytes: UnsafeRawBufferPointer, windowMax: Int, lengthMax: Int = .max, quiet: Int = 4,
    tail: Int = 0
  ) {
    self.bytes = bytes
    self.windowMax = windowMax
    self.lengthMax = lengthMax
    self.end = bytes.count < UInt32.max ? bytes.count - max(quiet, 4) : -1
    self.reach = bytes.count - tail
    var bits: UInt32 = 8
    while bits < 14, 1 << bits < bytes.count { bits += 1 }
    self.shift = 32 - bits
    self.table = [UInt32](repeating: 0, count: 1 << Int(bits))
  }

  private func word(_ at: Int) -> UInt32 {
    bytes.loadUnaligned(fromByteOffset: at, as: UInt32.self)
  }

  /// The next repetition, `nil` when there is none up to the end.
  mutating func next() -> Match? {
    var misses = 0
    while offset <= end {
      let word = self.word(offset)
      let slot = Int((word &* 2_654_435_761) >> shift)
      let place = Int(table[slot]) - 1
      table[slot] = UInt32(offset + 1)
      if place >= 0, offset - place <= windowMax, self.word(place) == word {
        var length = 4
        let longest = min(lengthMax, reach - offset)
        while length < longest, bytes[place + length] == bytes[offset + length] { length += 1 }
        if length <= longest {
          let match = Match(offset: offset, distance: offset - place, length: length)
          offset += length
          return match
        }
      }
      // Bytes without repetitions are passed over faster and faster.
      misses += 1
      offset += 1 + (misses >> 6)
    }
    return nil
  }
}
