/// What one partition knows of transactions: which are open, and where aborted ones lie. Pure.
struct KafkaOpenTransactions {
  /// A transaction whose records nobody wants who reads what is committed.
  struct Aborted: Hashable {
    var producerID: Int64
    /// Nothing of it lies before this offset.
    var first: UInt64
    /// Where its marker is.
    var last: UInt64
    /// Transactions that were aborted after this one have nothing before this offset.
    var stable: UInt64
  }

  /// From where on each producer has written in its transaction.
  private(set) var open: [Int64: UInt64] = [:]
  /// The first offset of an open transaction.
  private(set) var firstOpen: UInt64?
  /// In the order of their markers.
  private(set) var aborted: [Aborted] = []

  /// A producer has written within a transaction.
  mutating func began(_ producerID: Int64, at offset: UInt64) {
    guard offset < open[producerID] ?? .max else { return }
    open[producerID] = offset
    firstOpen = min(firstOpen ?? offset, offset)
  }

  /// A producer's transaction has got its marker.
  ///
  /// - Returns: where it began, and what is to be remembered of it if it was aborted; `nil` if
  ///   nothing was written.
  mutating func ended(
    _ producerID: Int64, at marker: UInt64, isAborted: Bool
  ) -> (first: UInt64, aborted: Aborted?)? {
    guard let first = open.removeValue(forKey: producerID) else { return nil }
    if first == firstOpen { firstOpen = open.values.min() }
    guard isAborted else { return (first, nil) }
    let entry = Aborted(
      producerID: producerID, first: first, last: marker, stable: firstOpen ?? marker + 1)
    aborted.append(entry)
    return (first, entry)
  }

  /// Has a transaction open again that was taken for aborted.
  mutating func takeBack(_ entry: Aborted) {
    guard let place = aborted.lastIndex(of: entry) else { return }
    aborted.remove(at: place)
    began(entry.producerID, at: entry.first)
  }

  /// Remembers what was written down of an aborted transaction.
  mutating func recover(_ entry: Aborted) {
    guard aborted.last.map({ $0.last < entry.last }) ?? true else { return }
    aborted.append(entry)
  }

  /// The aborted transactions that have something in a range.
  func aborted(in range: Range<UInt64>) -> [Aborted] {
    var low = 0
    var high = aborted.count
    while low < high {
      let middle = (low + high) / 2
      if aborted[middle].last < range.lowerBound { low = middle + 1 } else { high = middle }
    }
    var found: [Aborted] = []
    for entry in aborted[low...] {
      if entry.first < range.upperBound { found.append(entry) }
      if entry.stable >= range.upperBound { break }
    }
    return found
  }

  /// Whether a batch of a transaction is one of an aborted one.
  func isAborted(_ offset: UInt64, of producerID: Int64) -> Bool {
    aborted(in: offset..<offset + 1).contains {
      $0.producerID == producerID && $0.first <= offset && offset < $0.last
    }
  }

  /// Forgets what lies before an offset.
  mutating func trim(before offset: UInt64) {
    guard let first = aborted.first, first.last < offset else { return }
    aborted.removeAll { $0.last < offset }
  }
}
