import GodwitEngine
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
    let fenced = Self.begun(epoch: .max - 1)
    fenced.fence()
    fenced.fence()
    #expect(fenced.producer.epoch == .max)
    #expect(Self.begin(fenced) == nil && fenced.producer == Producer(id: 6, epoch: 0))
  }

  @Test func whatIsWrittenDownIsReadAgain() throws {
    let transaction = Self.begun(epoch: 3)
    _ = transaction.touch(now: 77)
    transaction.previousProducerID = 4
    transaction.lastEpoch = 2
    transaction.decidedAt = 99
    transaction.state = .prepareAbort
    let place = KafkaPlace(topic: KafkaUUID(high: 1, low: 2), partition: 3)
    transaction.partitions = [place: 42]
    transaction.positions = ["g": [place: .init(offset: 7, note: "1 n")], "empty": [:]]
    let bytes = try #require(KafkaTransactionEntry(transaction).bytes)
    guard case .transaction(let whole)? = KafkaTransactionEntry(bytes) else {
      Issue.record("no transaction")
      return
    }
    let read = whole.transaction
    #expect(read.id == "x" && read.producer == transaction.producer && read.timeout == 1)
    #expect(read.previousProducerID == 4 && read.lastEpoch == 2 && read.state == .prepareAbort)
    #expect(read.startedAt == 77 && read.changedAt == 77 && read.decidedAt == 99)
    #expect(read.partitions == transaction.partitions && read.positions == transaction.positions)
    for size in 0..<bytes.readableBytes {
      let part = try #require(bytes.getSlice(at: 0, length: size))
      if KafkaTransactionEntry(part) != nil { Issue.record("\(size) bytes are enough") }
    }
    if KafkaTransactionEntry(ByteBuffer(bytes: [9, 0])) != nil { Issue.record("an unknown kind") }
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
    #expect(table.ended(2, at: 21, isAborted: true)?.aborted?.stable == 22)
    #expect(table.firstOpen == nil && table.ended(2, at: 22, isAborted: true) == nil)
  }

  @Test func abortedOnesAreFoundWhereTheyLie() {
    var generator = SystemRandomNumberGenerator()
    for _ in 0..<200 {
      var table = KafkaOpenTransactions()
      for offset in UInt64(0)..<60 {
        let producer = Int64.random(in: 0..<4, using: &generator)
        if Bool.random(using: &generator) {
          table.began(producer, at: offset)
        } else {
          _ = table.ended(producer, at: offset, isAborted: Bool.random(using: &generator))
        }
      }
      let all = table.aborted
      for _ in 0..<20 {
        let low = UInt64.random(in: 0..<60, using: &generator)
        let high = UInt64.random(in: low...60, using: &generator)
        let wanted = all.filter { $0.last >= low && $0.first < high }
        #expect(low == high || table.aborted(in: low..<high) == wanted)
      }
      table.trim(before: 30)
      #expect(table.aborted == all.filter { $0.last >= 30 })
    }
  }
}
