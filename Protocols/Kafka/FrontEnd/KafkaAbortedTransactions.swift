import GodwitPrimitives

/// A transaction whose records nobody wants who reads what is committed.
struct KafkaAbortedTransaction: Hashable {
  var producerID: Int64
  /// Nothing of it lies before this offset.
  var first: UInt64
  /// Where its marker is.
  var last: UInt64
}

/// What a partition remembers of aborted transactions. To look one up takes time that grows with
/// the logarithm of how many there are, whatever else was open meanwhile. Pure.
struct KafkaAbortedTransactions {
  typealias Entry = KafkaAbortedTransaction

  /// How many entries, or blocks of them, are a block.
  private static let width = 16

  /// In the order of their markers.
  private(set) var all: [Entry] = []
  /// The least `first` of each block of entries, then of each block of these, and so on.
  private var least: [[UInt64]] = []
  /// Of each producer its own, none of which overlap.
  private var byProducer: [Int64: [Entry]] = [:]

  /// Remembers one, unless its marker is known. Mostly that lies behind all others.
  mutating func insert(_ entry: Entry) {
    let place = all.partitioningIndex { $0.last >= entry.last }
    guard place < all.count else { return append(entry) }
    guard all[place].last > entry.last else { return }
    let ordered = all[..<place] + [entry] + all[place...]
    self = Self()
    for entry in ordered { append(entry) }
  }

  private mutating func append(_ entry: Entry) {
    var index = all.count
    all.append(entry)
    byProducer[entry.producerID, default: []].append(entry)
    var level = 0
    repeat {
      index /= Self.width
      if level == least.count { least.append([all.reduce(.max) { min($0, $1.first) }]) }
      if index == least[level].count {
        least[level].append(entry.first)
      } else {
        least[level][index] = min(least[level][index], entry.first)
      }
      level += 1
    } while index > 0 || level < least.count
  }

  /// Forgets what `isGone` says it of.
  mutating func removeAll(where isGone: (Entry) -> Bool) {
    guard all.contains(where: isGone) else { return }
    let left = all.filter { !isGone($0) }
    self = Self()
    for entry in left { append(entry) }
  }

  /// Those that have something in a range, in the order of their markers.
  func within(_ range: Range<UInt64>) -> [Entry] {
    var found: [Entry] = []
    var index = all.partitioningIndex { $0.last >= range.lowerBound }
    while index < all.count {
      if let end = blockEnd(at: index, behind: range.upperBound) {
        index = end
        continue
      }
      if all[index].first < range.upperBound { found.append(all[index]) }
      index += 1
    }
    return found
  }

  /// Whether what a producer has written at an offset is part of one.
  func contains(_ offset: UInt64, of producerID: Int64) -> Bool {
    guard let own = byProducer[producerID] else { return false }
    let index = own.partitioningIndex { $0.last > offset }
    return index < own.count && own[index].first <= offset
  }

  /// Where the largest block ends that begins at an index, and all of which lies behind a range.
  private func blockEnd(at index: Int, behind end: UInt64) -> Int? {
    var found: Int?
    var size = 1
    for minima in least {
      size *= Self.width
      guard index % size == 0, minima[index / size] >= end else { break }
      found = index + size
    }
    return found
  }
}
