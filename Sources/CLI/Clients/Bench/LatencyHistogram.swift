/// Counts durations in buckets that grow with them: 64 to each doubling, so that a bucket is never
/// wider than 1/64 of what is in it. 30 KiB, whatever it counts.
struct LatencyHistogram: Hashable, Sendable {
  private static let subBits = 6
  private static let subCount = 1 << subBits

  private var counts: [UInt64]
  /// How many durations were counted.
  private(set) var count: UInt64 = 0
  /// The longest, in nanoseconds.
  private(set) var max: UInt64 = 0
  /// The shortest, in nanoseconds; `UInt64.max` when there is none.
  private(set) var min = UInt64.max
  private var total: Double = 0

  /// An empty histogram.
  init() {
    self.counts = [UInt64](repeating: 0, count: (64 - Self.subBits + 1) << Self.subBits)
  }

  /// Durations below 64 have a bucket each; above, the highest seven bits choose.
  private static func index(_ value: UInt64) -> Int {
    guard value >= UInt64(Self.subCount) else { return Int(value) }
    let shift = (63 - value.leadingZeroBitCount) - Self.subBits
    return (shift << Self.subBits) + Int(value >> UInt64(shift))
  }

  /// The smallest value of a bucket.
  private static func floor(_ index: Int) -> UInt64 {
    guard index >= Self.subCount * 2 else { return UInt64(index) }
    let shift = (index >> Self.subBits) - 1
    return UInt64(index - (shift << Self.subBits)) << UInt64(shift)
  }

  /// Counts a duration in nanoseconds.
  mutating func record(_ value: UInt64) {
    self.counts[Self.index(value)] += 1
    self.count += 1
    self.total += Double(value)
    if value > self.max { self.max = value }
    if value < self.min { self.min = value }
  }

  /// Adds what another histogram counted.
  mutating func add(_ other: LatencyHistogram) {
    for index in self.counts.indices { self.counts[index] += other.counts[index] }
    self.count += other.count
    self.total += other.total
    self.max = Swift.max(self.max, other.max)
    self.min = Swift.min(self.min, other.min)
  }

  /// The mean in nanoseconds; 0 when there is none.
  var mean: Double { self.count == 0 ? 0 : self.total / Double(self.count) }

  /// The duration that a share of all does not exceed, to 1/64; 0 when there is none.
  ///
  /// - Parameter share: from 0 to 1; 0.99 for p99.
  func quantile(_ share: Double) -> UInt64 {
    guard self.count > 0 else { return 0 }
    let rank = Swift.max(1, UInt64((share * Double(self.count)).rounded(.up)))
    var seen: UInt64 = 0
    for (index, count) in self.counts.enumerated() where count > 0 {
      seen += count
      guard seen >= rank else { continue }
      let isLast = index + 1 == self.counts.count
      let ceiling = isLast ? UInt64.max : Self.floor(index + 1) - 1
      return Swift.min(Swift.max(ceiling, self.min), self.max)
    }
    return self.max
  }

  /// How many durations lie in each doubling, from the first to the last that has any.
  var doublings: [(floor: UInt64, count: UInt64)] {
    guard self.count > 0 else { return [] }
    var found: [Int: UInt64] = [:]
    for (index, count) in self.counts.enumerated() where count > 0 {
      let floor = Self.floor(index)
      found[floor == 0 ? 0 : 63 - floor.leadingZeroBitCount, default: 0] += count
    }
    let powers = found.keys.sorted()
    guard let first = powers.first, let last = powers.last else { return [] }
    return (first...last).map { (UInt64(1) << UInt64($0), found[$0] ?? 0) }
  }
}
