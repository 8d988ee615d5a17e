import GodwitEngine
import KafkaWire
import NIOCore
import Testing

@testable import KafkaFrontEnd

/// What a partition knows of producers, over restarts, when the log has nothing of it any more.
@Suite struct KafkaProducerNotesTests {
  private let rig: TransactionRig

  init() throws { rig = try TransactionRig { $0.cleanup = .compact } }

  /// The process comes again after a loss of power that has taken the logs, and not the notes.
  private init(after other: Self) throws {
    let notes = other.rig.store.journals["notes t"]?.entries ?? []
    rig = try TransactionRig(found: ["notes t": notes]) { $0.cleanup = .compact }
  }

  private var partition: KafkaPartition { rig.partitions[0] }

  private static func header(
    _ producer: Int64, _ sequence: Int32, epoch: Int16 = 0
  ) throws -> KafkaBatchHeader {
    var bytes = try batch(producer, sequence, epoch: epoch)
    return try #require(try KafkaBatch.next(from: &bytes)?.header)
  }

  private static func batch(
    _ producer: Int64, _ sequence: Int32, epoch: Int16 = 0, size: Int = 1
  ) throws -> ByteBuffer {
    var builder = KafkaBatchBuilder()
    builder.producerID = producer
    builder.producerEpoch = epoch
    builder.baseSequence = sequence
    try builder.append(
      KafkaRecord(
        timestamp: 1, key: ByteBuffer(string: "key"),
        value: ByteBuffer(repeating: 7, count: size)))
    return try builder.finish()
  }

  /// As Produce does it.
  @discardableResult
  private func write(
    _ producer: Int64, _ sequence: Int32, epoch: Int16 = 0, size: Int = 1
  ) throws -> UInt64 {
    var batch = try Self.batch(producer, sequence, epoch: epoch, size: size)
    partition.recover(producersMax: 100)
    let offset = try partition.partition.append(
      batch: batch, form: 0, origin: rig.origin, count: 1, time: 1)
    let header = try #require(try KafkaBatch.next(from: &batch)?.header)
    partition.note(header, at: offset, producersMax: 100)
    return offset
  }

  private func judged(
    _ producer: Int64, _ sequence: Int32, epoch: Int16 = 0
  ) throws -> KafkaProducers.Verdict {
    partition.recover(producersMax: 100)
    return partition.producers.judge(try Self.header(producer, sequence, epoch: epoch))
  }

  private func isThere(_ offset: UInt64) -> Bool {
    partition.partition.log.next(from: offset) == offset
  }

  @Test(arguments: [false, true]) func whatCompactionTookIsKnown(isSnapshot: Bool) throws {
    rig.store.wantsSnapshots = isSnapshot
    let first = try write(1, 0)
    for sequence in 0..<4 { try write(2, Int32(sequence)) }
    rig.pass(seconds: 6)
    #expect(!isThere(first))
    for _ in 0..<3 {
      try rig.restart()
      #expect(try judged(1, 0) == .duplicate(first: first, count: 1))
      #expect(try judged(1, 1) == .new)
      #expect(try judged(1, 2) == .refused(.outOfOrderSequenceNumber))
      #expect(try judged(2, 3) == .duplicate(first: 4, count: 1))
    }
  }

  @Test func nothingGoesBeforeItIsWrittenDown() throws {
    try write(1, 0)
    try write(2, 0)
    rig.store.isSilent = true
    rig.pass(seconds: 6)
    rig.pass(seconds: 6)
    #expect(isThere(0))
    rig.store.speak()
    rig.pass(seconds: 6)
    #expect(!isThere(0))
  }

  @Test func whatTheDiskRefusesIsTriedAgain() throws {
    try write(1, 0)
    try write(2, 0)
    rig.store.fails = true
    rig.pass(seconds: 6)
    #expect(isThere(0))
    rig.store.fails = false
    rig.pass(seconds: 6)
    #expect(!isThere(0))
  }

  @Test func whereNobodyCountsNothingIsWaitedFor() throws {
    rig.store.fails = true
    for value in 0..<4 { try write(-1, -1, size: value + 1) }
    rig.pass(seconds: 6)
    #expect(!isThere(0) && isThere(3))
  }

  @Test func whatIsAppendedIsWrittenDownNowAndThen() throws {
    let first = try write(1, 0)
    for sequence in 0..<6 { try write(2, Int32(sequence), size: 1 << 20) }
    #expect(rig.store.journals["notes t"]?.entries.count == 1)
    for offset in 0..<partition.partition.nextOffset { partition.partition.log.remove(at: offset) }
    try rig.restart()
    #expect(try judged(1, 0) == .duplicate(first: first, count: 1))
    // Of what came since, the log would have to say it.
    #expect(try judged(2, 1) == .duplicate(first: 2, count: 1))
    #expect(try judged(2, 5) == .refused(.outOfOrderSequenceNumber))
  }

  /// A note that says that producer 1 has come to sequence 0.
  private func noted() throws {
    try write(1, 0)
    try write(2, 0)
    #expect(partition.settleProducers() == 2)
  }

  /// Whether any number that producer 1 goes on with is taken, and what is known comes once still.
  private func isLenient() throws {
    #expect(try judged(1, 0) == .duplicate(first: 0, count: 1))
    #expect(try judged(1, 7) == .new)
    #expect(try judged(1, 7, epoch: 1) == .new)
    // From then on it is counted.
    try write(1, 7)
    #expect(try judged(1, 8) == .new)
    #expect(try judged(1, 9) == .refused(.outOfOrderSequenceNumber))
  }

  @Test func whatWasTrimmedBehindTheNoteMayHaveBeenAnyones() throws {
    try noted()
    for sequence in 1..<7 { try write(1, Int32(sequence)) }
    let kept = try write(2, 1)
    partition.partition.trim(before: kept)
    try rig.restart()
    #expect(try judged(2, 1) == .duplicate(first: kept, count: 1))
    #expect(try judged(2, 3) == .refused(.outOfOrderSequenceNumber))
    try isLenient()
  }

  @Test func whatIsTooMuchToReadMayBeAnyones() throws {
    try noted()
    for sequence in 1..<7 { try write(1, Int32(sequence)) }
    let value = String(repeating: "7", count: 1 << 20)
    for _ in 0..<9 { try rig.write(value, to: 0) }
    try rig.restart()
    try isLenient()
    // Whose next number is not known is unknown to the next start.
    try rig.restart()
    #expect(try judged(1, 7) == .duplicate(first: 17, count: 1))
    #expect(try judged(2, 9) == .new)
  }

  @Test func whatIsTrimmedBeforeTheNoteIsKnown() throws {
    try noted()
    partition.partition.trim(before: 2)
    try rig.restart()
    #expect(try judged(1, 1) == .new)
    #expect(try judged(1, 7) == .refused(.outOfOrderSequenceNumber))
  }

  @Test func whatNobodyCountsFillsALogAsWell() throws {
    try noted()
    let last = try write(1, 1)
    for _ in 0..<9 { try write(-1, -1, size: 1 << 20) }
    try rig.restart()
    #expect(try judged(1, 1) == .duplicate(first: last, count: 1))
    #expect(try judged(1, 3) == .refused(.outOfOrderSequenceNumber))
  }

  @Test func whatTheDiskRefusesIsWrittenDownSoon() throws {
    try write(1, 0)
    rig.store.fails = true
    for sequence in 0..<4 { try write(2, Int32(sequence), size: 1 << 20) }
    #expect(rig.store.journals["notes t"]?.entries.isEmpty == true)
    rig.store.fails = false
    for sequence in 4..<6 { try write(2, Int32(sequence), size: 1 << 20) }
    #expect(rig.store.journals["notes t"]?.entries.count == 1)
  }

  @Test func whatWasAppendedBeforeAStartCounts() throws {
    for sequence in 0..<9 {
      try write(1, Int32(sequence), size: 1 << 20)
      try rig.restart()
    }
    partition.recover(producersMax: 100)
    #expect(rig.store.journals["notes t"]?.entries.count == 2)
  }

  @Test func whatIsNotCommittedIsNotWrittenDown() throws {
    let first = try write(1, 0)
    rig.store.logs["t-0"]?.hold()
    let second = try write(1, 1)
    try write(2, 0)
    #expect(partition.settleProducers() == second)
    try rig.restart()
    #expect(try judged(1, 0) == .duplicate(first: first, count: 1))
    #expect(try judged(1, 1) == .new)
    #expect(try judged(2, 0) == .new)
  }

  @Test func whatALossOfPowerTookIsNotKnown() {
    var producers = KafkaProducers()
    var header = KafkaBatchHeader()
    header.producerID = 1
    header.producerEpoch = 0
    header.count = 1
    for sequence in 0..<4 {
      header.baseSequence = Int32(sequence)
      producers.note(header, at: UInt64(sequence) * 10, now: 0, producersMax: 10)
    }
    let entry = KafkaProducerEntry(producers, of: 3, before: 100)
    let read = entry.bytes.flatMap { KafkaProducerEntry($0) }
    #expect(read?.index == 3 && read?.end == 100)
    var found = KafkaProducers()
    for producer in read?.producers ?? [] { found.take(producer, before: 20, now: 0) }
    header.baseSequence = 1
    #expect(found.judge(header) == .duplicate(first: 10, count: 1))
    header.baseSequence = 2
    #expect(found.judge(header) == .new)
    found = KafkaProducers()
    for producer in read?.producers ?? [] { found.take(producer, before: 0, now: 0) }
    #expect(found.count == 0)
  }

  @Test func whatALossOfPowerTookStaysUnknown() throws {
    try noted()
    let later = try Self(after: self)
    for sequence in 0..<3 { try later.write(3, Int32(sequence)) }
    try later.rig.restart()
    #expect(try later.judged(1, 0) == .new)
    #expect(try later.judged(2, 0) == .new)
    #expect(try later.judged(3, 2) == .duplicate(first: 2, count: 1))
  }

  @Test func whatAStartFoundLostStaysUnknown() throws {
    try noted()
    let later = try Self(after: self)
    try later.rig.write("one is left", to: 0)
    try later.rig.restart()
    for _ in 0..<3 { try later.rig.write("another", to: 0) }
    for _ in 0..<2 {
      #expect(try later.judged(1, 0) == .duplicate(first: 0, count: 1))
      #expect(try later.judged(2, 0) == .new)
      try later.rig.restart()
    }
  }

  @Test func whoDoesNotWriteIsForgotten() throws {
    var life = 60_000
    let expiry = KafkaProducerExpiry(
      clock: rig.clock, partitions: { [rig] in rig.partitions }, lifetime: { life })
    func pass(_ seconds: Int) {
      for _ in 0..<seconds {
        rig.engine.advance(to: rig.engine.now + 1_000_000_000)
        rig.clock.pass(1_000)
      }
    }
    defer { withExtendedLifetime(expiry) {} }
    for id in Int64(1)...40 { try write(id, 0) }
    partition.began(7, at: 7)
    let used = rig.tenant.memory.used
    pass(30)
    try write(1, 1)
    rig.engine.step(by: 86_400_000_000_000)
    pass(25)
    #expect(partition.producers.count == 40)
    pass(25)
    #expect(Set(partition.producers.byID.keys) == [1, 7])
    #expect(rig.tenant.memory.used < used - 37 * 384)
    life = 1_000_000
    try rig.restart()
    #expect(try judged(2, 0) == .duplicate(first: 1, count: 1))
  }

  @Test func anEpochIsKnown() throws {
    try write(1, 0, epoch: 4)
    try write(2, 0)
    rig.pass(seconds: 6)
    try rig.restart()
    #expect(try judged(1, 1, epoch: 3) == .refused(.invalidProducerEpoch))
    #expect(try judged(1, 0, epoch: 4) == .duplicate(first: 0, count: 1))
  }

  @Test func notesGoWithTheirTopic() throws {
    try write(1, 0)
    try write(2, 0)
    rig.pass(seconds: 6)
    #expect(rig.store.journals["notes t"]?.entries.isEmpty == false)
    rig.tenant.partitionedTopics.delete("t")
    #expect(rig.store.journals["notes t"] == nil)
  }
}
