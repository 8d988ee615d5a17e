/// Which of a segment's offsets are gone: a bit each, from the segment's first one on. Stretches in
/// which none are, or all, take no room for bits.
struct OffsetBitmap {
  /// How many offsets a part is about.
  private static var partBits: Int { 8_192 }

  private enum Part {
    case none
    case all
    case some([UInt64])

    func word(_ index: Int) -> UInt64 {
      switch self {
      case .none: 0
      case .all: .max
      case .some(let words): words[index]
      }
    }
  }

  let base: UInt64
  private var parts: [Part] = []
  /// How many are gone.
  private(set) var count = 0

  init(base: UInt64) {
    self.base = base
  }

  func contains(_ offset: UInt64) -> Bool {
    guard offset >= self.base, let index = Int(exactly: offset - self.base),
      index / Self.partBits < self.parts.count
    else { return false }
    return self.word(at: index) & 1 << UInt64(index % 64) != 0
  }

  /// The word that has the bit of that number.
  private func word(at index: Int) -> UInt64 {
    self.parts[index / Self.partBits].word(index % Self.partBits / 64)
  }

  /// - Returns: whether it was not there before.
  @discardableResult
  mutating func insert(_ offset: UInt64) -> Bool {
    guard offset < .max else { return false }
    return self.insert(offset..<offset + 1) > 0
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
    let before = self.count
    while index < end {
      let place = index / Self.partBits
      while self.parts.count <= place { self.parts.append(.none) }
      let partEnd = min(end, (place + 1) * Self.partBits)
      self.fill(place, index % Self.partBits, partEnd - place * Self.partBits)
      index = partEnd
    }
    return self.count - before
  }

  private mutating func fill(_ place: Int, _ start: Int, _ end: Int) {
    var words: [UInt64]
    switch self.parts[place] {
    case .all: return
    case .none where start == 0 && end == Self.partBits:
      self.parts[place] = .all
      self.count += Self.partBits
      return
    case .none: words = [UInt64](repeating: 0, count: Self.partBits / 64)
    case .some(let known): words = known
    }
    // So that the words are changed where they are.
    self.parts[place] = .none
    var index = start
    while index < end {
      let bits = min(64 - index % 64, end - index)
      let mask = (bits == 64 ? UInt64.max : (1 << UInt64(bits)) - 1) << UInt64(index % 64)
      self.count += (mask & ~words[index / 64]).nonzeroBitCount
      words[index / 64] |= mask
      index += bits
    }
    // A part fills up with its last bit, wherever that is: looked for where a word has filled up.
    let isFull = words[(end - 1) / 64] == .max && words.allSatisfy { $0 == .max }
    self.parts[place] = isFull ? .all : .some(words)
  }

  /// The first offset from `offset` on, and below `end`, that is gone; `end` when none is.
  func nextGone(from offset: UInt64, to end: UInt64) -> UInt64 {
    self.next(from: offset, to: end, isGone: true)
  }

  /// The first offset from `offset` on, and below `end`, that is not gone; `end` when all are.
  func next(from offset: UInt64, to end: UInt64) -> UInt64 {
    self.next(from: offset, to: end, isGone: false)
  }

  private func next(from offset: UInt64, to end: UInt64, isGone: Bool) -> UInt64 {
    var offset = max(offset, self.base)
    while offset < end {
      guard let index = Int(exactly: offset - self.base), index / Self.partBits < self.parts.count
      else { return isGone ? end : offset }
      switch self.parts[index / Self.partBits] {
      case .none where !isGone, .all where isGone: return offset
      case .none, .all: offset += UInt64(Self.partBits - index % Self.partBits)
      case .some(let words):
        let word = words[index % Self.partBits / 64]
        let wanted = (isGone ? word : ~word) >> UInt64(index % 64)
        if wanted != 0 { return min(end, offset + UInt64(wanted.trailingZeroBitCount)) }
        offset += 64 - UInt64(index % 64)
      }
    }
    return end
  }
}
