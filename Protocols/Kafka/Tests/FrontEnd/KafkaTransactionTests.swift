import GodwitEngine
import GodwitWireTesting
import KafkaWire
import NIOCore
import Testing

@testable import KafkaFrontEnd

@Suite struct KafkaTransactionTests {
  private typealias Producer = KafkaTransaction.Producer

  private static func begun(epoch: Int16 = 0) -> KafkaTransaction {
    let made = KafkaTransaction(id: "x", producerID: 5, timeout: 1, now: 1)
    made.producer.epoch = epoch
    return made
  }

  private static func begin(
    _ transaction: KafkaTransaction, _ expected: Producer? = nil
  ) -> KafkaErrorCode? {
    transaction.begin(timeout: 1, expected: expected, now: 2) { 6 }
  }

  @Test func epochsRise() {
    let transaction = Self.begun(epoch: -1)
    #expect(Self.begin(transaction) == nil && transaction.producer == Producer(id: 5, epoch: 0))
    #expect(Self.begin(transaction) == nil && transaction.producer == Producer(id: 5, epoch: 1))
    #expect(transaction.check(Producer(id: 5, epoch: 0)) == .producerFenced)
    #expect(transaction.check(Producer(id: 4, epoch: 1)) == .invalidProducerIDMapping)
    #expect(transaction.check(Producer(id: 5, epoch: 1)) == nil)
  }

  @Test func whoGoesOnAfterAnErrorMustBeTheLast() {
    let transaction = Self.begun(epoch: 3)
    #expect(Self.begin(transaction, Producer(id: 5, epoch: 3)) == nil)
    #expect(transaction.producer.epoch == 4)
    // The answer was lost: the same again.
    #expect(Self.begin(transaction, Producer(id: 5, epoch: 3)) == nil)
    #expect(transaction.producer.epoch == 4)
    #expect(Self.begin(transaction, Producer(id: 5, epoch: 2)) == .producerFenced)
    #expect(Self.begin(transaction) == nil && transaction.producer.epoch == 5)
    #expect(Self.begin(transaction, Producer(id: 5, epoch: 4)) == .producerFenced)
    #expect(!transaction.knows(Producer(id: 4, epoch: 5)))
  }

  @Test func aNumberWithoutEpochsLeftIsReplaced() {
    let transaction = Self.begun(epoch: .max - 1)
    #expect(Self.begin(transaction, Producer(id: 5, epoch: .max - 1)) == nil)
    #expect(transaction.producer == Producer(id: 6, epoch: 0))
    #expect(transaction.knows(Producer(id: 5, epoch: .max - 1)))
    #expect(Self.begin(transaction, Producer(id: 5, epoch: .max - 1)) == nil)
    #expect(transaction.producer == Producer(id: 6, epoch: 0))
    // One that an earlier version kept out with the very last epoch.
    let fenced = Self.begun(epoch: .max)
    #expect(Self.begin(fenced) == nil && fenced.producer == Producer(id: 6, epoch: 0))
  }

  private static func decide(
    _ transaction: KafkaTransaction, isCommit: Bool, for successor: KafkaTransaction.Successor
  ) -> KafkaTransaction.Undecided {
    transaction.decide(isCommit: isCommit, for: successor, now: 2, rank: 3) { 6 }
  }

  @Test func anEndRaisesTheEpoch() {
    let transaction = Self.begun(epoch: 3)
    _ = transaction.touch(now: 2)
    #expect(transaction.marking == Producer(id: 5, epoch: 3))
    _ = Self.decide(transaction, isCommit: true, for: .producer)
    #expect(transaction.producer == Producer(id: 5, epoch: 4))
    #expect(transaction.marking == Producer(id: 5, epoch: 4) && transaction.rank == 3)
    transaction.finish(now: 4)
    #expect(transaction.producer == Producer(id: 5, epoch: 4) && transaction.ending == nil)
    // The producer's form is the older one.
    _ = transaction.touch(now: 5)
    _ = Self.decide(transaction, isCommit: true, for: .same)
    #expect(transaction.producer == Producer(id: 5, epoch: 4))
    #expect(transaction.marking == Producer(id: 5, epoch: 4))
  }

  @Test func anEndThatCannotBeWrittenDownIsNone() {
    for epoch: Int16 in [3, .max - 1] {
      let transaction = Self.begun(epoch: epoch)
      transaction.lastEpoch = 1
      _ = transaction.touch(now: 2)
      let before = Self.decide(transaction, isCommit: true, for: .producer)
      transaction.takeBack(to: before)
      #expect(transaction.producer == Producer(id: 5, epoch: epoch) && transaction.lastEpoch == 1)
      #expect(transaction.previousProducerID == -1 && transaction.ending == nil)
      #expect(transaction.state == .ongoing && transaction.rank == 0)
    }
  }

  @Test func aNumberWithoutEpochsLeftIsReplacedAtAnEnd() {
    for epoch: Int16 in [.max - 1, .max] {
      let transaction = Self.begun(epoch: epoch)
      _ = transaction.touch(now: 2)
      _ = Self.decide(transaction, isCommit: true, for: .producer)
      #expect(transaction.producer == Producer(id: 6, epoch: 0))
      #expect(transaction.marking == Producer(id: 5, epoch: .max))
      transaction.finish(now: 4)
      let last = Producer(id: 5, epoch: epoch)
      #expect(transaction.mayEnd(last, isCommit: true, raises: true) == .done)
      // Who has not heard of it asks by InitProducerId.
      #expect(transaction.knows(last) && Self.begin(transaction, last) == nil)
      #expect(transaction.producer == Producer(id: 6, epoch: 0))
    }
  }

  @Test func whoTakesOverLeavesNobodyBehind() {
    let transaction = Self.begun(epoch: 3)
    _ = transaction.touch(now: 2)
    _ = Self.decide(transaction, isCommit: false, for: .another)
    transaction.finish(now: 4)
    let last = Producer(id: 5, epoch: 3)
    #expect(transaction.mayEnd(last, isCommit: false, raises: true) == .refused(.producerFenced))
    #expect(Self.begin(transaction, last) == .producerFenced)
  }

  private static let ends:
    [(
      state: KafkaTransaction.State, isLast: Bool, commit: KafkaTransaction.Verdict,
      abort: KafkaTransaction.Verdict
    )] = [
      (.empty, false, .refused(.invalidTxnState), .begin),
      (.empty, true, .refused(.producerFenced), .refused(.producerFenced)),
      (.ongoing, false, .begin, .begin),
      (.ongoing, true, .refused(.producerFenced), .refused(.producerFenced)),
      (.prepareCommit, false, .refused(.concurrentTransactions), .refused(.concurrentTransactions)),
      (.prepareCommit, true, .refused(.concurrentTransactions), .refused(.invalidTxnState)),
      (.prepareAbort, false, .refused(.concurrentTransactions), .refused(.concurrentTransactions)),
      (.prepareAbort, true, .refused(.invalidTxnState), .refused(.concurrentTransactions)),
      (.completeCommit, false, .refused(.invalidTxnState), .begin),
      (.completeCommit, true, .done, .refused(.invalidTxnState)),
      (.completeAbort, false, .refused(.invalidTxnState), .begin),
      (.completeAbort, true, .refused(.invalidTxnState), .done),
    ]

  @Test func theEpochTellsARepeatedEndFromANewOne() {
    let transaction = Self.begun(epoch: 4)
    transaction.lastEpoch = 3
    for end in Self.ends {
      transaction.state = end.state
      let said = Producer(id: 5, epoch: end.isLast ? 3 : 4)
      #expect(transaction.mayEnd(said, isCommit: true, raises: true) == end.commit, "\(end)")
      #expect(transaction.mayEnd(said, isCommit: false, raises: true) == end.abort, "\(end)")
      for epoch: Int16 in [2, 5] {
        let other = Producer(id: 5, epoch: epoch)
        #expect(
          transaction.mayEnd(other, isCommit: true, raises: true) == .refused(.producerFenced))
      }
      #expect(
        transaction.mayEnd(Producer(id: 4, epoch: 3), isCommit: true, raises: true)
          == .refused(.invalidProducerIDMapping))
      // In the older form nobody repeats with another epoch.
      #expect(
        transaction.mayEnd(Producer(id: 5, epoch: 3), isCommit: true, raises: false)
          == .refused(.producerFenced))
    }
    transaction.isBusy = true
    for epoch: Int16 in [3, 4] {
      #expect(
        transaction.mayEnd(Producer(id: 5, epoch: epoch), isCommit: true, raises: true)
          == .refused(.concurrentTransactions))
    }
  }

  @Test func whatIsWrittenDownIsReadAgain() throws {
    let transaction = Self.begun(epoch: 3)
    _ = transaction.touch(now: 77)
    transaction.previousProducerID = 4
    transaction.lastEpoch = 2
    transaction.decidedAt = 99
    transaction.rank = 98
    transaction.state = .prepareAbort
    transaction.ending = Producer(id: 4, epoch: .max)
    let place = KafkaPlace(topic: KafkaUUID(high: 1, low: 2), partition: 3)
    transaction.partitions = [place: 42]
    transaction.positions = ["g": [place: .init(offset: 7, note: "1 n")], "empty": [:]]
    let bytes = try #require(KafkaTransactionEntry(transaction).bytes)
    guard case .transaction(let written)? = KafkaTransactionEntry(bytes) else {
      Issue.record("no transaction")
      return
    }
    let read = written.transaction
    #expect(read.id == "x" && read.producer == transaction.producer && read.timeout == 1)
    #expect(read.previousProducerID == 4 && read.lastEpoch == 2 && read.state == .prepareAbort)
    #expect(read.startedAt == 77 && read.changedAt == 77 && read.decidedAt == 99)
    #expect(read.rank == 98)
    #expect(read.partitions == transaction.partitions && read.positions == transaction.positions)
    #expect(read.ending == transaction.ending && read.marking == Producer(id: 4, epoch: .max))
    for size in 0..<bytes.readableBytes {
      let part = try #require(bytes.getSlice(at: 0, length: size))
      if KafkaTransactionEntry(part) != nil { Issue.record("\(size) bytes are enough") }
    }
    if KafkaTransactionEntry(ByteBuffer(bytes: [9, 0])) != nil { Issue.record("an unknown kind") }
  }

  @Test func whatHasChangedIsAdded() throws {
    func read(
      _ transaction: KafkaTransaction, adding parts: KafkaTransaction.Parts,
      to known: KafkaTransaction?
    ) throws -> KafkaTransaction {
      let bytes = try #require(KafkaTransactionEntry(transaction, adding: parts).bytes)
      guard case .changed(let written)? = KafkaTransactionEntry(bytes) else {
        throw EngineError(.storageFailed, "not what was written")
      }
      return written.changed(known)
    }
    let places = (0..<3).map { KafkaPlace(topic: KafkaUUID(high: 1, low: 2), partition: $0) }
    let now = Self.begun(epoch: 3)
    _ = now.touch(now: 77)
    let first = try read(
      now,
      adding: .init(
        partitions: [places[0]: 1],
        positions: [
          "g": [places[0]: .init(offset: 5, note: "a"), places[1]: .init(offset: 6, note: "b")]
        ]),
      to: nil)
    #expect(first.id == "x" && first.state == .ongoing && first.producer == now.producer)
    _ = Self.decide(now, isCommit: true, for: .producer)
    let second = try read(
      now,
      adding: .init(
        partitions: [places[2]: 9],
        positions: ["g": [places[1]: .init(offset: 7, note: "c")], "h": [:]]),
      to: first)
    #expect(second.partitions == [places[0]: 1, places[2]: 9])
    #expect(
      second.positions == [
        "g": [places[0]: .init(offset: 5, note: "a"), places[1]: .init(offset: 7, note: "c")],
        "h": [:],
      ])
    #expect(second.state == .prepareCommit && second.rank == 3 && second.ending == now.ending)
    #expect(second.producer == now.producer && second.lastEpoch == 3)
    // What was added to a transaction before is nothing of this one.
    now.finish(now: 80)
    _ = now.touch(now: 81)
    let third = try read(now, adding: .init(partitions: [places[1]: 12]), to: second)
    #expect(third.partitions == [places[1]: 12] && third.positions.isEmpty)
  }
}

/// What journals have of before epochs rose with each transaction.
@Suite struct KafkaOldJournalTests {
  private static let entry: [UInt8] =
    [1, 2, UInt8(ascii: "x")] + [0, 0, 0, 0, 0, 0, 0, 5] + [0, 3] + [0, 0, 0, 0, 0, 0, 0, 4]
    + [0, 2] + [0, 0, 0, 0, 0, 0, 0, 9] + [2] + [0, 0, 0, 0, 0, 0, 0, 77]
    + [0, 0, 0, 0, 0, 0, 0, 78] + [0, 0, 0, 0, 0, 0, 0, 99] + [1] + [1] + [0]

  @Test func itIsReadAndWrittenAsBefore() throws {
    let bytes = ByteBuffer(bytes: Self.entry)
    guard case .transaction(let written)? = KafkaTransactionEntry(bytes) else {
      Issue.record("no transaction")
      return
    }
    let read = written.transaction
    #expect(read.producer == .init(id: 5, epoch: 3) && read.state == .prepareCommit)
    #expect(read.previousProducerID == 4 && read.lastEpoch == 2 && read.timeout == 9)
    #expect(read.startedAt == 77 && read.changedAt == 78 && read.decidedAt == 99)
    #expect(read.ending == nil && read.marking == read.producer && read.rank == 0)
    let again = try #require(KafkaTransactionEntry(read).bytes)
    #expect(Array(buffer: again) == Self.entry)
  }
}

@Suite struct KafkaOpenTransactionsTests {
  @Test func whatIsOpenHoldsBack() {
    var table = KafkaOpenTransactions()
    #expect(table.firstOpen == nil)
    table.began(1, at: 10)
    table.began(2, at: 12)
    table.began(1, at: 15)
    #expect(table.firstOpen == 10 && table.open == [1: 10, 2: 12])
    #expect(table.ended(1, at: 20, isAborted: false)?.first == 10)
    #expect(table.firstOpen == 12)
    #expect(table.ended(2, at: 21, isAborted: true)?.aborted?.first == 12)
    #expect(table.firstOpen == nil && table.ended(2, at: 22, isAborted: true) == nil)
  }

  /// Who hears of a marker may have another written at once.
  @Test func aMarkerThatIsSettledBeforeAnEarlierOneHidesNone() {
    var table = KafkaOpenTransactions()
    var all: [KafkaAbortedTransaction] = []
    for producer in Int64(0)..<40 {
      table.began(producer, at: UInt64(producer))
      if let entry = table.ended(producer, at: UInt64(50 + producer), isAborted: true)?.aborted {
        all.append(entry)
      }
    }
    for each in all.reversed() { table.settle(each) }
    #expect(table.aborted.all == all)
    #expect(table.aborted(in: 7..<8) == Array(all[...7]))
    #expect(all.allSatisfy { table.isAborted($0.first, of: $0.producerID) })
    // They are written down in that order as well.
    var found = KafkaOpenTransactions()
    for _ in 0..<2 { for each in all.reversed() { found.recover(each) } }
    #expect(found.aborted.all == all)
  }

  @Test(arguments: [60, 400, 9_000] as [UInt64]) func abortedOnesAreFound(end: UInt64) {
    var dice = SplitMix64(seed: end)
    var table = KafkaOpenTransactions()
    var all: [KafkaAbortedTransaction] = []
    for offset in 0..<end {
      // Some are open for very long.
      let producer = Int64.random(in: 0..<40, using: &dice)
      if Bool.random(using: &dice) {
        table.began(producer, at: offset)
      } else if producer < 36 || Int.random(in: 0..<100, using: &dice) == 0,
        let entry = table.ended(
          producer, at: offset, isAborted: Int.random(in: 0..<4, using: &dice) > 0)?.aborted
      {
        all.append(entry)
        // The disk is slow at times, and never out of order.
        if Int.random(in: 0..<4, using: &dice) == 0 { for each in all { table.settle(each) } }
      }
    }
    func check() {
      for _ in 0..<200 {
        let low = UInt64.random(in: 0..<end, using: &dice)
        let high = UInt64.random(in: low + 1...min(end, low + 50), using: &dice)
        #expect(
          table.aborted(in: low..<high) == all.filter { $0.last >= low && $0.first < high })
        let producer = Int64.random(in: 0..<40, using: &dice)
        let isAborted = all.contains {
          $0.producerID == producer && $0.first <= low && low < $0.last
        }
        #expect(table.isAborted(low, of: producer) == isAborted)
      }
    }
    check()
    for each in all { table.settle(each) }
    check()
    table.forget { $0.last < end / 2 }
    all.removeAll { $0.last < end / 2 }
    check()
    #expect(table.aborted.all == all)
  }
}
