import GodwitEngine
import KafkaWire
import NIOCore
import Testing

@testable import KafkaFrontEnd

@Suite struct KafkaTransactionsTests {
  private let rig: TransactionRig

  init() throws { rig = try TransactionRig() }

  /// A producer that has written to both partitions and holds a position.
  private func producer() throws -> KafkaTransaction.Producer {
    let producer = try #require(rig.begin()).get()
    #expect(rig.add([0, 1], producer) == .noError)
    try rig.write("a", producer, to: 0)
    try rig.write("b", producer, to: 1)
    #expect(rig.hold(7, of: 0, producer) == .noError)
    return producer
  }

  @Test func whatIsCommittedIsSeenByAll() throws {
    let producer = try producer()
    try rig.write("behind", to: 0)
    #expect(rig.committed(0) == [] && rig.told == [] && rig.position(0) == nil)
    #expect(rig.transactions.places(heldFor: "g") == [TransactionRig.place(0)])
    #expect(rig.end(producer, isCommit: true) == .noError)
    #expect(rig.committed(0) == ["a", "behind"] && rig.committed(1) == ["b"])
    #expect(rig.told.sorted() == ["a", "b"] && rig.position(0) == 7)
    #expect(rig.transactions.places(heldFor: "g").isEmpty)
    #expect(rig.state == .completeCommit && rig.transactions.active.isEmpty)
    #expect(rig.clock.openCount == 0)
  }

  @Test func whatIsAbortedIsSeenByNobody() throws {
    let producer = try producer()
    try rig.write("behind", to: 0)
    #expect(rig.end(producer, isCommit: false) == .noError)
    #expect(rig.committed(0) == ["behind"] && rig.committed(1) == [] && rig.told == [])
    #expect(rig.position(0) == nil && rig.state == .completeAbort)
    try rig.restart()
    #expect(rig.committed(0) == ["behind"] && rig.committed(1) == [])
    rig.store.wantsSnapshots = true
    _ = rig.begin()
    try rig.restart()
    #expect(rig.committed(0) == ["behind"] && rig.committed(1) == [])
  }

  @Test(arguments: [true, false]) func aDecisionOutlivesACrash(isCommit: Bool) throws {
    let producer = try producer()
    rig.store.isSilent = true
    #expect(rig.end(producer, isCommit: isCommit) == nil)
    #expect(rig.committed(0) == [] && rig.told == [])
    try rig.restart()
    #expect(rig.committed(0) == (isCommit ? ["a"] : []))
    #expect(rig.committed(1) == (isCommit ? ["b"] : []))
    #expect(rig.told.sorted() == (isCommit ? ["a", "b"] : []))
    #expect(rig.position(0) == (isCommit ? 7 : nil))
    #expect(rig.state == (isCommit ? .completeCommit : .completeAbort))
    // Whoever asks again is told that it is done.
    #expect(rig.end(producer, isCommit: isCommit) == .noError)
    #expect(rig.end(producer, isCommit: !isCommit) == .invalidTxnState)
  }

  @Test func whatACrashLeftOpenIsAbortedInTime() throws {
    let producer = try producer()
    try rig.write("behind", to: 1)
    try rig.restart()
    #expect(rig.committed(0) == [] && rig.committed(1) == [])
    rig.clock.pass(59_999)
    #expect(rig.committed(1) == [])
    rig.clock.pass(1)
    #expect(rig.committed(0) == [] && rig.committed(1) == ["behind"] && rig.told == [])
    #expect(rig.end(producer, isCommit: true) == .producerFenced)
  }

  @Test func whatACrashLeftOpenIsAbortedByTheProducersReturn() throws {
    let old = try producer()
    try rig.restart()
    let new = try #require(rig.begin()).get()
    // One step to keep the old one out, and one for the new one.
    #expect(new == KafkaTransaction.Producer(id: old.id, epoch: old.epoch + 2))
    #expect(rig.committed(0) == [] && rig.state == .empty)
    #expect(try rig.write("zombie", old, to: 0) == .invalidProducerEpoch)
    #expect(rig.add([0], old) == .producerFenced)
    #expect(rig.add([0], new) == .noError)
    try rig.write("c", new, to: 0)
    #expect(rig.end(new, isCommit: true) == .noError)
    #expect(rig.committed(0) == ["c"])
  }

  @Test func anOpenTransactionGoesOnAfterACrash() throws {
    let producer = try producer()
    try rig.restart()
    try rig.write("more", producer, to: 0)
    #expect(rig.end(producer, isCommit: true) == .noError)
    #expect(rig.committed(0) == ["a", "more"] && rig.position(0) == 7)
    #expect(rig.told.sorted() == ["a", "b", "more"])
  }

  @Test func aGroupThatIsFurtherStaysThere() throws {
    let producer = try producer()
    rig.store.isSilent = true
    #expect(rig.end(producer, isCommit: true) == nil)
    rig.engine.advance(to: rig.engine.now + 1)
    rig.store.isSilent = false
    rig.tenant.cursors.commit(["t-0": (9, "")], of: KafkaTenant.cursorGroup("g")) { _ in }
    try rig.restart()
    #expect(rig.position(0) == 9)
  }

  @Test func aClockThatIsSetBackTakesNoPositionAway() throws {
    #expect(rig.end(try producer(), isCommit: true) == .noError)
    let after = try rig.next(now: 1_600_000_000_000_000_000)
    let producer = try #require(after.begin()).get()
    #expect(after.hold(8, of: 0, producer) == .noError)
    #expect(after.end(producer, isCommit: true) == .noError)
    #expect(after.position(0) == 8)
    // Nor where a start completes what was decided.
    #expect(after.hold(9, of: 0, producer) == .noError)
    after.store.isSilent = true
    #expect(after.end(producer, isCommit: true) == nil)
    let last = try after.next(now: 1_500_000_000_000_000_000)
    #expect(last.position(0) == 9 && last.state == .completeCommit)
  }

  @Test func aGroupThatIsFurtherStaysThereWhenTheClockIsSetBack() throws {
    let producer = try producer()
    rig.store.isSilent = true
    #expect(rig.end(producer, isCommit: true) == nil)
    let decision = try #require(rig.store.journals["kafka.transactions"]).entries
    let after = try rig.next(now: 1_600_000_000_000_000_000)
    #expect(after.position(0) == 7)
    after.tenant.cursors.commit(["t-0": (9, "")], of: KafkaTenant.cursorGroup("g")) { _ in }
    // That the transaction is over was not written down.
    let cursors = try #require(after.store.journals["cursors"]).entries
    let last = try TransactionRig(
      now: 1_500_000_000_000_000_000,
      found: ["kafka.transactions": decision, "cursors": cursors])
    #expect(last.position(0) == 9 && last.state == .completeCommit)
  }

  @Test func whatIsCommittedAfterADecisionStays() throws {
    let producer = try producer()
    let memory = rig.tenant.memory
    var taken = 0
    while memory.reserve(64) { taken += 64 }
    // There is no room for markers and positions: they are tried again.
    #expect(rig.end(producer, isCommit: true) == .noError)
    #expect(rig.state == .prepareCommit && rig.position(0) == nil)
    memory.release(taken)
    rig.tenant.cursors.commit(["t-0": (9, "")], of: KafkaTenant.cursorGroup("g")) { _ in }
    rig.clock.pass(1_000)
    #expect(rig.state == .completeCommit && rig.position(0) == 9)
  }

  @Test(arguments: [true, false])
  func whatWasAddedIsNotWrittenAgain(takesSnapshots: Bool) throws {
    let producer = try #require(rig.begin()).get()
    let note = String(repeating: "n", count: 1_000)
    func hold(_ offset: UInt64, of group: String) {
      rig.transactions.hold(
        [TransactionRig.place(0): .init(offset: offset, note: note)], of: group, for: "x",
        producer, begins: true
      ) { #expect($0 == .noError) }
    }
    for number in 0..<100 { hold(UInt64(number), of: "g\(number)") }
    #expect(rig.add([0, 1], producer) == .noError)
    try rig.write("a", producer, to: 0)
    let journal = try #require(rig.store.journals["kafka.transactions"])
    let sizes = journal.entries.map(\.readableBytes)
    #expect(sizes.allSatisfy { $0 < 1_500 }, "\(sizes.max() ?? 0)")
    rig.store.wantsSnapshots = takesSnapshots
    hold(1_000, of: "g0")
    rig.store.wantsSnapshots = false
    hold(2_000, of: "g1")
    try rig.restart()
    #expect(rig.transactions.byID["x"]?.positions.count == 100)
    rig.store.isSilent = true
    #expect(rig.end(producer, isCommit: true) == nil)
    #expect(try #require(journal.entries.last).readableBytes < 200)
    try rig.restart()
    let found = (0..<100).map { number in
      rig.tenant.cursors.position(of: KafkaTenant.cursorGroup("g\(number)"), in: "t-0")?.offset
    }
    #expect(found == [1_000, 2_000] + (2..<100).map { UInt64($0) })
    #expect(rig.committed(0) == ["a"] && rig.state == .completeCommit)
    // The next one has nothing of this.
    #expect(rig.add([1], producer) == .noError)
    try rig.restart()
    #expect(rig.transactions.byID["x"]?.positions.isEmpty == true)
    #expect(rig.transactions.byID["x"]?.partitions.keys.map(\.partition) == [1])
  }

  @Test(arguments: [true, false])
  func whatAnEarlierVersionHasDecidedGoesByTime(isFurther: Bool) throws {
    let transaction = KafkaTransaction(id: "x", producerID: 5, timeout: 9, now: 1)
    transaction.producer.epoch = 0
    transaction.state = .prepareCommit
    transaction.decidedAt = rig.engine.now
    transaction.positions = ["g": [TransactionRig.place(0): .init(offset: 7, note: "-1 ")]]
    let entry = try #require(KafkaTransactionEntry(transaction).bytes)
    if isFurther { rig.engine.advance(to: rig.engine.now + 1) }
    rig.tenant.cursors.commit(["t-0": (9, "")], of: KafkaTenant.cursorGroup("g")) { _ in }
    let cursors = try #require(rig.store.journals["cursors"]).entries
    let after = try TransactionRig(found: ["kafka.transactions": [entry], "cursors": cursors])
    #expect(after.state == .completeCommit && after.position(0) == (isFurther ? 9 : 7))
  }

  @Test func anAbortIsKnownBeforeItsMarkerIsCommitted() throws {
    let producer = try producer()
    let log = try #require(rig.store.logs[rig.partitions[0].partition.name])
    log.hold()
    try rig.write("behind", to: 0)
    #expect(rig.end(producer, isCommit: false) == nil)
    // The decision counts, and so readers get all that is committed, and what they pass over.
    #expect(rig.partitions[0].lastStableOffset == log.committedOffset)
    #expect(rig.committed(0) == [])
    log.release()
    #expect(rig.committed(0) == ["behind"])
  }

  @Test func abortedOnesAreForgottenSomeTimeAfterTheirMarkers() throws {
    let producer = try #require(rig.begin()).get()
    func abort(_ count: Int) throws {
      for _ in 0..<count {
        #expect(rig.add([0], producer) == .noError)
        try rig.write("a", producer, to: 0)
        #expect(rig.end(producer, isCommit: false) == .noError)
      }
    }
    var count: Int { rig.partitions[0].transactions.aborted.all.count }
    try abort(50)
    rig.partitions[0].partition.trim(before: 80)
    rig.pass(seconds: 61)
    try abort(1)
    // A crash might bring back what was removed.
    #expect(count == 51)
    rig.pass(seconds: 61)
    rig.store.wantsSnapshots = true
    try abort(1)
    #expect(count == 12)
    #expect(rig.store.journals["kafka.transactions"]?.entries.count == 13)
    try rig.restart()
    #expect(count == 12)
  }

  @Test func anAbortedOneThatACrashTookStaysUnknown() throws {
    let producer = try #require(rig.begin()).get()
    #expect(rig.add([0], producer) == .noError)
    try rig.write("lost", producer, to: 0)
    #expect(rig.end(producer, isCommit: false) == .noError)
    #expect(rig.partitions[0].transactions.aborted.all.count == 1)
    let later = try rig.next(now: rig.engine.now)
    for _ in 0..<4 { try later.write("another", to: 0) }
    try later.restart()
    #expect(later.partitions[0].transactions.aborted.all.isEmpty)
    #expect(later.transactions.byID["x"]?.producer == producer)
  }

  @Test func aMarkerThatIsRefusedLeavesItsTransactionOpen() throws {
    var known = KafkaOpenTransactions()
    known.began(5, at: 10)
    let refused = try #require(known.ended(5, at: 20, isAborted: true)?.aborted)
    known.takeBack(refused)
    #expect(known.firstOpen == 10 && known.aborted(in: 0..<100).isEmpty)
    // Others had what stood before it refused as well.
    let kept = try #require(known.ended(5, at: 15, isAborted: true)?.aborted)
    #expect(kept.first == 10 && kept.last == 15)
    known.began(5, at: 16)
    #expect(!known.isAborted(16, of: 5) && known.isAborted(12, of: 5))
  }

  @Test func whatIsSaidAgainTakesNoMoreMemory() throws {
    let producer = try #require(rig.begin()).get()
    #expect(rig.add([0, 1], producer) == .noError && rig.hold(7, of: 0, producer) == .noError)
    let used = rig.tenant.memory.used
    rig.store.isSilent = true
    for offset in 0..<50 { _ = rig.holdAtOnce(UInt64(offset), of: 0, producer) }
    let place = TransactionRig.place(0)
    for _ in 0..<50 { rig.transactions.add([place, place], to: "x", producer) { _ in } }
    rig.store.speak()
    #expect(rig.tenant.memory.used <= used)
    #expect(rig.end(producer, isCommit: true) == .noError)
    #expect(rig.transactions.byID["x"]?.charges.isEmpty == true)
    #expect(rig.transactions.byID["x"]?.positionCharges.isEmpty == true)
  }

  @Test func aPositionThatWasRefusedIsNotCommitted() throws {
    let producer = try #require(rig.begin()).get()
    #expect(rig.hold(3, of: 0, producer) == .noError)
    rig.store.fails = true
    #expect(rig.hold(4, of: 0, producer) == .coordinatorNotAvailable)
    rig.store.fails = false
    #expect(rig.hold(5, of: 1, producer) == .noError)
    #expect(rig.end(producer, isCommit: true) == .noError)
    #expect(rig.position(0) == 3 && rig.position(1) == 5)
  }

  @Test func whatCannotBeWrittenDownIsNotPromised() throws {
    let producer = try #require(rig.begin()).get()
    rig.store.fails = true
    #expect(rig.add([0], producer) == .coordinatorNotAvailable)
    #expect(try rig.write("a", producer, to: 0) == .notEnoughReplicas)
    rig.store.fails = false
    #expect(rig.add([0], producer) == .noError)
    try rig.write("a", producer, to: 0)
    rig.store.fails = true
    #expect(rig.end(producer, isCommit: true) == .coordinatorNotAvailable)
    #expect(rig.committed(0) == [] && rig.state == .ongoing)
    rig.store.fails = false
    #expect(rig.end(producer, isCommit: true) == .noError)
    #expect(rig.committed(0) == ["a"])
  }

  @Test func markersThatFindNoRoomAreTriedAgain() throws {
    let producer = try producer()
    var taken = 0
    while rig.tenant.memory.reserve(1 << 20) { taken += 1 << 20 }
    while rig.tenant.memory.reserve(64) { taken += 64 }
    #expect(rig.end(producer, isCommit: true) == .noError)
    #expect(rig.state == .prepareCommit && rig.committed(0) == [] && rig.told == [])
    #expect(rig.add([0], producer) == .concurrentTransactions)
    rig.tenant.memory.release(taken)
    rig.clock.pass(1_000)
    #expect(rig.state == .completeCommit && rig.committed(0) == ["a"])
    #expect(rig.told.sorted() == ["a", "b"] && rig.position(0) == 7)
  }

  @Test func idsAreBoundedAndForgotten() throws {
    rig.transactions.rules.countMax = 2
    rig.transactions.rules.lifetime = 1_000
    _ = try #require(rig.begin("1")).get()
    _ = try #require(rig.begin("2")).get()
    #expect(throws: KafkaRefusal.self) { try #require(rig.begin("3")).get() }
    rig.engine.advance(to: rig.engine.now + 2_000_000_000)
    _ = try #require(rig.begin("3")).get()
    #expect(rig.transactions.all.map(\.id) == ["3"])
    try rig.restart()
    #expect(rig.transactions.all.map(\.id) == ["3"])
  }
}
