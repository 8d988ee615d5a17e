/// What one partition knows of transactions: which are open, and where aborted ones lie. Pure.
struct KafkaOpenTransactions {
  /// From where on each producer has written in its transaction.
  private(set) var open: [Int64: UInt64] = [:]
  /// The first offset of an open transaction.
  private(set) var firstOpen: UInt64?
  /// Those whose markers are committed.
  private(set) var aborted = KafkaAbortedTransactions()
  /// Those whose markers are not, and may be refused.
  private var aborting: [KafkaAbortedTransaction] = []

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
  ) -> (first: UInt64, aborted: KafkaAbortedTransaction?)? {
    guard let first = open.removeValue(forKey: producerID) else { return nil }
    if first == firstOpen { firstOpen = open.values.min() }
    guard isAborted else { return (first, nil) }
    let entry = KafkaAbortedTransaction(producerID: producerID, first: first, last: marker)
    aborting.append(entry)
    return (first, entry)
  }

  /// The marker of an aborted transaction is committed.
  mutating func settle(_ entry: KafkaAbortedTransaction) {
    guard let place = aborting.firstIndex(of: entry) else { return }
    aborting.remove(at: place)
    aborted.insert(entry)
  }

  /// Has a transaction open again whose marker was refused.
  mutating func takeBack(_ entry: KafkaAbortedTransaction) {
    guard let place = aborting.firstIndex(of: entry) else { return }
    aborting.remove(at: place)
    began(entry.producerID, at: entry.first)
  }

  /// Remembers what was written down of an aborted transaction.
  mutating func recover(_ entry: KafkaAbortedTransaction) { aborted.insert(entry) }

  /// The aborted transactions that have something in a range.
  func aborted(in range: Range<UInt64>) -> [KafkaAbortedTransaction] {
    aborted.within(range)
      + aborting.filter { $0.last >= range.lowerBound && $0.first < range.upperBound }
  }

  /// Whether a batch of a transaction is one of an aborted one.
  func isAborted(_ offset: UInt64, of producerID: Int64) -> Bool {
    aborted.contains(offset, of: producerID)
      || aborting.contains {
        $0.producerID == producerID && $0.first <= offset && offset < $0.last
      }
  }

  /// Forgets aborted ones.
  mutating func forget(where isGone: (KafkaAbortedTransaction) -> Bool) {
    aborted.removeAll(where: isGone)
  }
}
