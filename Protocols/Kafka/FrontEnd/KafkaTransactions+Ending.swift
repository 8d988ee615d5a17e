import GodwitEngine
import KafkaWire
import NIOCore

/// The way to a transaction's end, as far as it has come.
private final class KafkaEnding {
  /// What is waited for, and one for the beginning itself.
  var left = 1
  var hasFailed = false
}

extension KafkaTransactions {
  /// How long after a failure the rest of an end is tried again, in milliseconds.
  private static let retryInterval = 1_000

  /// What an end is answered with: who the producer is from then on.
  typealias EndAnswer = (Result<KafkaTransaction.Producer, KafkaRefusal>) -> Void

  /// EndTxn.
  ///
  /// - Parameter raises: whether the epoch rises with the end (KIP-890).
  func end(
    _ id: String, _ said: KafkaTransaction.Producer, isCommit: Bool, raises: Bool,
    _ answer: @escaping EndAnswer
  ) {
    guard let transaction = byID[id] else {
      return answer(.failure(KafkaRefusal(.invalidProducerIDMapping)))
    }
    switch transaction.mayEnd(said, isCommit: isCommit, raises: raises) {
    case .begin: end(transaction, isCommit: isCommit, for: raises ? .producer : .same, answer)
    case .done: answer(.success(transaction.producer))
    case .refused(let error): answer(.failure(KafkaRefusal(error)))
    }
  }

  /// Decides the end, and has it written everywhere. The answer comes after the first attempt at
  /// that: from the decision on, it holds.
  func end(
    _ transaction: KafkaTransaction, isCommit: Bool, for successor: KafkaTransaction.Successor,
    _ answer: @escaping EndAnswer
  ) {
    transaction.alarm?.cancel()
    transaction.alarm = nil
    let before = transaction.decide(
      isCommit: isCommit, for: successor, now: now, rank: tenant.cursors.nextRank(),
      makeID: makeID)
    transaction.isBusy = true
    write(transaction, adding: KafkaTransaction.Parts()) { error in
      transaction.isBusy = false
      guard error == nil else {
        transaction.takeBack(to: before)
        if transaction.state == .ongoing {
          let passed = max(0, self.now - transaction.startedAt)
          self.watch(
            transaction,
            for: max(Self.retryInterval, transaction.timeout - Int(clamping: passed)))
        }
        return answer(.failure(KafkaRefusal(.coordinatorNotAvailable)))
      }
      self.complete(transaction) { answer(.success(transaction.producer)) }
    }
  }

  /// Writes what is missing of a decided transaction's end, and calls `attempted` once, when it is
  /// written, or when some of it has to be tried again.
  func complete(_ transaction: KafkaTransaction, _ attempted: @escaping () -> Void) {
    let ending = KafkaEnding()
    let done = { (hasWorked: Bool) in
      ending.left -= 1
      if !hasWorked { ending.hasFailed = true }
      guard ending.left == 0 else { return }
      if ending.hasFailed {
        transaction.alarm = self.clock.alarm(after: Self.retryInterval) { [weak self] in
          self?.complete(transaction) {}
        }
      } else {
        transaction.finish(now: self.now)
        self.active[transaction.id] = nil
        self.writeEnd(of: transaction)
      }
      attempted()
    }
    for (place, first) in transaction.partitions where !transaction.marked.contains(place) {
      guard let partition = find(place) else { continue }
      ending.left += 1
      mark(partition, place, of: transaction, from: first) { hasWorked in
        if hasWorked { transaction.marked.insert(place) }
        done(hasWorked)
      }
    }
    if transaction.state == .prepareCommit {
      for (group, positions) in transaction.positions {
        ending.left += 1
        commit(positions, of: group, in: transaction, done)
      }
    }
    done(true)
  }

  /// Appends the marker to one partition, and tells others what the transaction has written there.
  private func mark(
    _ partition: KafkaPartition, _ place: KafkaPlace, of transaction: KafkaTransaction,
    from known: UInt64, _ done: @escaping (Bool) -> Void
  ) {
    let isCommit = transaction.state == .prepareCommit
    let producer = transaction.marking
    let marker: UInt64
    var first = known
    var aborted: KafkaAbortedTransaction?
    do {
      var batch = try KafkaControlRecord(isCommit: isCommit, coordinatorEpoch: 0).batch(
        producerID: producer.id, producerEpoch: producer.epoch, timestamp: now)
      marker = partition.partition.nextOffset
      batch.withUnsafeMutableReadableBytes {
        KafkaBatchHeader.assign(baseOffset: Int64(clamping: marker), leaderEpoch: 0, in: $0)
      }
      try partition.partition.append(
        batch: batch, form: 0, origin: origin, count: 1, time: tenant.engine.now)
      if let ended = partition.ended(producer, at: marker, isAborted: !isCommit) {
        first = ended.first
        aborted = ended.aborted
        // The decision is what counts for readers, not the marker.
        partition.partition.wake()
      }
    } catch {
      return done(false)
    }
    partition.partition.whenCommitted(before: marker + 1) { [aborted, first] error in
      if let aborted, error == nil {
        partition.settle(aborted)
        self.markedPlaces.insert(place)
        self.note(aborted, in: place)
      } else if let aborted {
        partition.takeBack(aborted)
      }
      guard error == nil, isCommit, marker > first, partition.partition.topic.hasOtherListeners
      else { return done(error == nil) }
      KafkaRetelling(
        partition.partition, first..<marker, producerID: producer.id, self.clock, tell: self.tell
      ) { done(true) }.begin()
    }
  }

  /// Commits positions of a group that were held back. After a crash this may come a second time,
  /// when the group is further already: then it stays there.
  private func commit(
    _ positions: [KafkaPlace: KafkaTransaction.Position], of group: String,
    in transaction: KafkaTransaction, _ done: @escaping (Bool) -> Void
  ) {
    let name = KafkaTenant.cursorGroup(group)
    let there = tenant.cursors.positions(of: name)
    var marks: [String: Cursors.Mark] = [:]
    for (place, position) in positions {
      guard let log = find(place)?.partition.name else { continue }
      // What an earlier version has decided has no rank, only a time.
      if transaction.rank == 0, let known = there[log], known.committedAt > transaction.decidedAt {
        continue
      }
      marks[log] = (position.offset, position.note)
    }
    let rank = transaction.rank > 0 ? transaction.rank : nil
    tenant.cursors.commit(marks, of: name, rank: rank) { done($0 == nil) }
  }
}

/// Reads again what a committed transaction has written into a partition, and publishes it to those
/// who listen by other protocols: before, it was nobody's business.
private final class KafkaRetelling {
  /// How much is read before others have their turn.
  private static let turnBytes = 1 << 20

  private let partition: Partition
  private let producerID: Int64
  private let end: UInt64
  private let clock: any KafkaClock
  private let tell: KafkaTransactions.Tell
  private let done: () -> Void
  private var offset: UInt64
  /// How many batches are being told, and one while a turn lasts.
  private var left = 0

  init(
    _ partition: Partition, _ range: Range<UInt64>, producerID: Int64, _ clock: any KafkaClock,
    tell: @escaping KafkaTransactions.Tell, done: @escaping () -> Void
  ) {
    self.partition = partition
    self.producerID = producerID
    self.clock = clock
    self.tell = tell
    self.done = done
    offset = range.lowerBound
    end = range.upperBound
  }

  func begin() {
    if partition.prepare(offset, maxBytes: Self.turnBytes, { self.turn() }) { turn() }
  }

  private func turn() {
    let entries = partition.entries(from: offset, maxBytes: Self.turnBytes)
    offset = max(offset, entries.last?.offsets.upperBound ?? end)
    left = 1
    for entry in entries where entry.offsets.lowerBound < end {
      guard case .batch(let batch, _, _, _) = entry,
        let header = batch.withUnsafeReadableBytes({ KafkaBatchHeader($0) }),
        header.producerID == producerID, header.attributes.isTransactional,
        !header.attributes.isControl
      else { continue }
      left += 1
      tell(batch, partition) { _ in self.told() }
    }
    told()
  }

  private func told() {
    left -= 1
    guard left == 0 else { return }
    guard offset < end else { return done() }
    _ = clock.alarm(after: 1) { self.begin() }
  }
}
