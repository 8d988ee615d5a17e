import GodwitEngine
import KafkaWire
import Testing

@testable import KafkaFrontEnd

/// Transactions whose epoch rises with each, and to which the broker adds what is written
/// (KIP-890).
@Suite struct KafkaRisingTransactionsTests {
  private typealias Producer = KafkaTransaction.Producer

  private let rig: TransactionRig

  init() throws { rig = try TransactionRig() }

  private func begun() throws -> KafkaTransaction.Producer { try #require(rig.begin()).get() }

  private func finish(
    _ producer: KafkaTransaction.Producer, isCommit: Bool
  ) throws -> KafkaTransaction.Producer {
    try #require(rig.finish(producer, isCommit: isCommit)).get()
  }

  private func refusal(
    _ producer: KafkaTransaction.Producer, isCommit: Bool
  ) -> KafkaErrorCode? {
    guard case .failure(let refusal)? = rig.finish(producer, isCommit: isCommit) else { return nil }
    return refusal.code
  }

  @Test func whatIsWrittenBecomesPartOfTheTransaction() throws {
    let first = try begun()
    try rig.send("a", first, to: 0)
    try rig.send("b", first, to: 1)
    #expect(rig.holdAtOnce(7, of: 0, first) == .noError)
    #expect(rig.committed(0) == [] && rig.position(0) == nil)
    let second = try finish(first, isCommit: true)
    #expect(second == Producer(id: first.id, epoch: first.epoch + 1))
    #expect(rig.markers(0) == [second] && rig.markers(1) == [second])
    #expect(rig.committed(0) == ["a"] && rig.committed(1) == ["b"] && rig.position(0) == 7)
    #expect(rig.told.sorted() == ["a", "b"])
    try rig.send("c", second, to: 0)
    let third = try finish(second, isCommit: false)
    #expect(third.epoch == second.epoch + 1 && rig.markers(0) == [second, third])
    #expect(rig.committed(0) == ["a"])
    // Positions alone are a transaction, too.
    #expect(rig.holdAtOnce(8, of: 0, third) == .noError)
    _ = try finish(third, isCommit: true)
    #expect(rig.position(0) == 8)
  }

  @Test func whatComesLateIsRefused() throws {
    let first = try begun()
    try rig.send("a", first, to: 0)
    let second = try finish(first, isCommit: true)
    #expect(try rig.send("late", first, to: 0) == .invalidProducerEpoch)
    #expect(try rig.send("late", first, to: 1) == .invalidProducerEpoch)
    #expect(rig.holdAtOnce(7, of: 0, first) == .invalidProducerEpoch)
    #expect(rig.state == .completeCommit && rig.transactions.active.isEmpty)
    #expect(try rig.send("b", second, to: 0) == nil)
  }

  @Test func anEndMayBeAskedForAgain() throws {
    let first = try begun()
    try rig.send("a", first, to: 0)
    let second = try finish(first, isCommit: true)
    #expect(try finish(first, isCommit: true) == second)
    #expect(refusal(first, isCommit: false) == .invalidTxnState)
    #expect(refusal(second, isCommit: true) == .invalidTxnState)
    #expect(rig.markers(0) == [second])
    // Nothing was written, but the client cannot know.
    let third = try finish(second, isCommit: false)
    #expect(third.epoch == second.epoch + 1 && rig.markers(0) == [second])
    #expect(refusal(first, isCommit: true) == .producerFenced)
    try rig.restart()
    #expect(try finish(second, isCommit: false) == third)
  }

  @Test(arguments: [true, false]) func aDecisionOutlivesACrash(isCommit: Bool) throws {
    let first = try begun()
    try rig.send("a", first, to: 0)
    #expect(rig.holdAtOnce(7, of: 0, first) == .noError)
    rig.store.isSilent = true
    #expect(rig.finish(first, isCommit: isCommit) == nil)
    #expect(rig.markers(0) == [])
    try rig.restart()
    let second = Producer(id: first.id, epoch: first.epoch + 1)
    #expect(rig.markers(0) == [second] && rig.committed(0) == (isCommit ? ["a"] : []))
    #expect(rig.position(0) == (isCommit ? 7 : nil))
    #expect(try finish(first, isCommit: isCommit) == second)
    #expect(refusal(first, isCommit: !isCommit) == .invalidTxnState)
    try rig.send("b", second, to: 0)
    _ = try finish(second, isCommit: true)
    #expect(rig.committed(0) == (isCommit ? ["a", "b"] : ["b"]))
  }

  @Test func whatWasAddedOutlivesACrash() throws {
    let first = try begun()
    try rig.send("a", first, to: 0)
    try rig.restart()
    try rig.send("b", first, to: 0)
    #expect(rig.committed(0) == [])
    _ = try finish(first, isCommit: true)
    #expect(rig.committed(0) == ["a", "b"])
  }

  @Test(arguments: [false, true]) func theLastEpochIsFollowedByANewNumber(dies: Bool) throws {
    let begun = try begun()
    rig.transactions.byID["x"]?.producer.epoch = .max - 1
    let last = Producer(id: begun.id, epoch: .max - 1)
    try rig.send("a", last, to: 0)
    rig.store.isSilent = dies
    let answer = rig.finish(last, isCommit: false)
    #expect((answer == nil) == dies)
    if dies { try rig.restart() }
    let new = try finish(last, isCommit: false)
    #expect(new.id != last.id && new.epoch == 0)
    #expect(rig.markers(0) == [Producer(id: last.id, epoch: .max)] && rig.committed(0) == [])
    #expect(try rig.send("late", last, to: 0) == .invalidProducerIDMapping)
    try rig.send("b", new, to: 0)
    #expect(try finish(new, isCommit: true) == Producer(id: new.id, epoch: 1))
    #expect(rig.committed(0) == ["b"])
    // It was the last but one by then.
    #expect(refusal(last, isCommit: false) == .invalidProducerIDMapping)
  }

  @Test func anEndThatCannotBeWrittenDownRaisesNothing() throws {
    let first = try begun()
    try rig.send("a", first, to: 0)
    rig.store.fails = true
    #expect(refusal(first, isCommit: true) == .coordinatorNotAvailable)
    rig.store.fails = false
    #expect(rig.state == .ongoing && rig.markers(0) == [])
    try rig.send("b", first, to: 0)
    let second = try finish(first, isCommit: true)
    #expect(second.epoch == first.epoch + 1 && rig.committed(0) == ["a", "b"])
    rig.store.fails = true
    #expect(refusal(second, isCommit: false) == .coordinatorNotAvailable)
    rig.store.fails = false
    #expect(rig.state == .completeCommit && rig.clock.openCount == 0)
    #expect(try finish(second, isCommit: false).epoch == second.epoch + 1)
  }

  @Test func whoGoesOnBeforeTheMarkersAreWrittenWaits() throws {
    let first = try begun()
    try rig.send("a", first, to: 0)
    var taken = 0
    while rig.tenant.memory.reserve(1 << 20) { taken += 1 << 20 }
    while rig.tenant.memory.reserve(64) { taken += 64 }
    let second = try finish(first, isCommit: true)
    #expect(second.epoch == first.epoch + 1 && rig.state == .prepareCommit)
    #expect(try rig.send("b", second, to: 0) == .notEnoughReplicas)
    #expect(refusal(second, isCommit: false) == .concurrentTransactions)
    #expect(refusal(first, isCommit: true) == .concurrentTransactions)
    rig.tenant.memory.release(taken)
    rig.clock.pass(1_000)
    #expect(try finish(first, isCommit: true) == second)
    #expect(rig.markers(0) == [second] && rig.committed(0) == ["a"])
  }

  @Test func anAbortMayComeAfterTheTimeOut() throws {
    let first = try begun()
    try rig.send("a", first, to: 0)
    rig.clock.pass(60_000)
    #expect(rig.state == .completeAbort && rig.committed(0) == [])
    #expect(try rig.send("late", first, to: 0) == .invalidProducerEpoch)
    #expect(refusal(first, isCommit: true) == .invalidTxnState)
    let second = try finish(first, isCommit: false)
    #expect(second.epoch == first.epoch + 1)
    try rig.send("b", second, to: 0)
    _ = try finish(second, isCommit: true)
    #expect(rig.committed(0) == ["b"])
  }

  @Test func whoBeginsAgainGoesOnAndWhoTakesOverKeepsOut() throws {
    let first = try begun()
    try rig.send("a", first, to: 0)
    // The producer itself: it does not know what became of its transaction.
    let second = try #require(rig.begin(expected: first)).get()
    #expect(second == Producer(id: first.id, epoch: first.epoch + 1) && rig.committed(0) == [])
    #expect(try #require(rig.begin(expected: first)).get() == second)
    try rig.send("b", second, to: 0)
    let heir = try begun()
    #expect(heir.epoch == second.epoch + 2)
    #expect(refusal(second, isCommit: false) == .producerFenced)
    #expect(throws: KafkaRefusal.self) { try #require(rig.begin(expected: second)).get() }
    try rig.send("c", heir, to: 0)
    _ = try finish(heir, isCommit: true)
    #expect(rig.committed(0) == ["c"])
  }

  @Test func whatIsSentFirstStaysFirst() throws {
    let producer = try begun()
    var order: [Int] = []
    func send(_ number: Int, to places: [Int32]) {
      rig.transactions.add(places.map(TransactionRig.place), to: "x", producer) {
        #expect($0 == .noError)
        order.append(number)
      }
    }
    send(0, to: [0])
    rig.store.isSilent = true
    send(1, to: [0])
    #expect(order == [0, 1])
    send(2, to: [0, 1])
    send(3, to: [1])
    // Nothing is new of it, but something waits.
    send(4, to: [0])
    #expect(order == [0, 1])
    rig.store.speak()
    #expect(order == [0, 1, 2, 3, 4])
    rig.store.isSilent = true
    send(5, to: [0, 1])
    #expect(order == [0, 1, 2, 3, 4, 5])
  }

  @Test func theOlderFormGoesOnBesideIt() throws {
    let first = try begun()
    #expect(rig.add([0], first) == .noError)
    try rig.write("a", first, to: 0)
    #expect(rig.end(first, isCommit: true) == .noError)
    #expect(rig.end(first, isCommit: true) == .noError && rig.markers(0) == [first])
    // The same producer has learnt of the newer form in between.
    try rig.send("b", first, to: 0)
    let second = try finish(first, isCommit: true)
    #expect(second.epoch == first.epoch + 1 && rig.markers(0) == [first, second])
    #expect(rig.end(first, isCommit: true) == .producerFenced)
    #expect(rig.add([1], second) == .noError)
    try rig.write("c", second, to: 1)
    #expect(rig.end(second, isCommit: true) == .noError && rig.markers(1) == [second])
    #expect(rig.committed(0) == ["a", "b"] && rig.committed(1) == ["c"])
  }
}
