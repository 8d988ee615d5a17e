import GodwitEngine
import NIOCore
import Testing

/// What a topic keeps of each key.
struct PartitionCompactionTests {
  /// Batches of words `key=value`, of which an empty value says that the key is gone, and a word
  /// without `=` has no key. A batch that begins with `!` stays whole. The form says how a batch
  /// stands.
  private final class Keeper: BatchKeeper {
    var settled: UInt64 = .max

    func standing(
      of bytes: ByteBuffer, form: UInt8, first: UInt64, in partition: Partition
    ) -> BatchStanding { Form(rawValue: form)?.standing ?? .stays }

    func settledOffset(of partition: Partition) -> UInt64 { self.settled }

    func forEachKey(
      of bytes: ByteBuffer, form: UInt8, first: UInt64,
      _ body: (_ offset: UInt64, _ key: UnsafeRawBufferPointer, _ isGone: Bool) -> Void
    ) -> Bool {
      guard !String(buffer: bytes).hasPrefix("!") else { return false }
      for (place, word) in String(buffer: bytes).split(separator: " ").enumerated() {
        let parts = word.split(separator: "=", omittingEmptySubsequences: false)
        guard parts.count == 2 else { continue }
        Array(parts[0].utf8).withUnsafeBytes {
          body(first + UInt64(place), $0, parts[1].isEmpty)
        }
      }
      return true
    }

    /// Whether it is taken for one that can make batches smaller.
    var trims = true

    func trim(
      _ bytes: ByteBuffer, form: UInt8, first: UInt64, _ isLeft: (UInt64) -> Bool
    ) -> ByteBuffer? {
      guard self.trims else { return nil }
      let words = String(buffer: bytes).split(separator: " ").enumerated()
      let left = words.map { isLeft(first + UInt64($0)) ? $1 : "-" }
      return ByteBuffer(string: left.joined(separator: " "))
    }
  }

  private enum Form: UInt8 {
    case counts, part, otherPart, end, otherEnd, void, stays

    var standing: BatchStanding {
      switch self {
      case .counts: .counts
      case .part: .part(of: 1)
      case .otherPart: .part(of: 2)
      case .end: .end(of: 1)
      case .otherEnd: .end(of: 2)
      case .void: .void
      case .stays: .stays
      }
    }
  }

  private let fixture = StreamFixture()
  private let keeper = Keeper()

  private func make(
    _ change: (inout PartitionedTopicSettings) -> Void = { _ in }
  ) throws -> Partition {
    self.fixture.tenant.partitionedTopics.keeper = self.keeper
    var settings = PartitionedTopicSettings(name: "t", topic: Array("top.t".utf8))
    settings.cleanup = .compact
    change(&settings)
    return try self.fixture.tenant.partitionedTopics.create(settings).partitions[0]
  }

  private func append(
    _ words: String, _ form: Form = .counts, to partition: Partition
  ) throws {
    try partition.append(
      batch: ByteBuffer(string: words), form: form.rawValue, origin: .engine,
      count: words.split(separator: " ").count, time: 1)
  }

  /// The offsets that are there.
  private func offsets(_ partition: Partition) -> [UInt64] {
    (0..<partition.nextOffset).filter { partition.log.next(from: $0) == $0 }
  }

  @Test func theLastOfEachKeyStaysAndWhatHasNone() throws {
    let partition = try self.make()
    try self.append("a=1 b=1 word a=2", to: partition)
    try self.append("b=2 c=1", to: partition)
    try self.append("!a=9 b=9", to: partition)
    var metadata = Metadata()
    metadata.key = Array("c".utf8)
    self.fixture.tenant.publish(
      topic: Array("top.t".utf8), payload: Array("2".utf8), metadata: metadata)
    #expect(self.offsets(partition) == Array(0...8))
    self.fixture.advance(by: 6_000_000_000)
    #expect(self.offsets(partition) == [2, 3, 4, 6, 7, 8])
    #expect(partition.nextOffset == 9)
    // The batch is whole as long as one of its records is there.
    #expect(partition.entries(from: 0, maxBytes: .max).count == 4)
  }

  @Test func itLeavesWhereThePartitionBegins() throws {
    let partition = try self.make {
      $0.cleanup = [.compact, .delete]
      $0.ageMax = 60_000_000_000
    }
    try self.append("a=1 b=1", to: partition)
    try self.append("a=2 b=2", to: partition)
    self.fixture.advance(by: 6_000_000_000)
    #expect(self.offsets(partition) == [2, 3])
    #expect(partition.startOffset == 0 && partition.firstOffset == 2)
    #expect(partition.offset(forTime: 0) == 2)
    partition.trim(before: 1)
    #expect(partition.startOffset == 1)
    partition.trim(before: 3)
    #expect(partition.startOffset == 3 && partition.offset(forTime: 0) == 3)
    // What is too old goes, and that moves it.
    self.fixture.advance(by: 90_000_000_000)
    #expect(self.offsets(partition).isEmpty)
    #expect(partition.startOffset == 4)
  }

  @Test func itWaitsUntilHalfIsNew() throws {
    let partition = try self.make()
    try self.append("a=1 b=1 c=1 d=1 e=1 f=1 g=1 h=1", to: partition)
    self.fixture.advance(by: 6_000_000_000)
    try self.append("a=2 b=2", to: partition)
    for _ in 0..<3 { self.fixture.advance(by: 6_000_000_000) }
    #expect(self.offsets(partition).count == 10)
    try self.append("c=2 d=2 e=2 a=3 a=4 h=2", to: partition)
    self.fixture.advance(by: 6_000_000_000)
    #expect(self.offsets(partition) == [5, 6, 9, 10, 11, 12, 14, 15])
  }

  @Test func aKeyThatIsGoneIsSaidForAWhile() throws {
    let partition = try self.make { $0.tombstoneLife = 60_000_000_000 }
    try self.append("a=1 b=1 a=", to: partition)
    self.fixture.advance(by: 6_000_000_000)
    #expect(self.offsets(partition) == [1, 2])
    for _ in 0..<9 { self.fixture.advance(by: 6_000_000_000) }
    #expect(self.offsets(partition) == [1, 2])
    // The earlier record was in the same batch, which is made smaller first.
    for _ in 0..<6 { self.fixture.advance(by: 6_000_000_000) }
    #expect(self.offsets(partition) == [1])
  }

  /// What a reader gets of a key, the last of it: `nil` where there is nothing.
  private func value(_ key: String, _ partition: Partition) -> String? {
    var value: String?
    for entry in partition.entries(from: 0, maxBytes: .max) {
      guard case .batch(let bytes, _, _, _) = entry else { continue }
      for word in String(buffer: bytes).split(separator: " ") where word.hasPrefix("\(key)=") {
        value = String(word.dropFirst(key.count + 1))
      }
    }
    return value
  }

  @Test func aKeyThatIsGoneStaysGoneForReadersOfWholeBatches() throws {
    let partition = try self.make { $0.tombstoneLife = 0 }
    self.keeper.trims = false
    try self.append("a=secret b=1 c=1", to: partition)
    try self.append("a=", to: partition)
    for _ in 0..<10 { self.fixture.advance(by: 6_000_000_000) }
    // Its first batch is whole, and so it is said that the key is gone.
    #expect(self.offsets(partition) == [1, 2, 3])
    #expect(self.value("a", partition) == "")
    self.keeper.trims = true
    for _ in 0..<60 { self.fixture.advance(by: 6_000_000_000) }
    #expect(self.offsets(partition) == [1, 2])
    #expect(self.value("a", partition) == nil)
  }

  @Test func aKeyThatIsGoneStaysSaidBehindWhatCannotBeOpened() throws {
    let partition = try self.make { $0.tombstoneLife = 0 }
    try self.append("a=1 a=", to: partition)
    try self.append("!b=1", to: partition)
    try self.append("b= c=1", to: partition)
    for _ in 0..<10 { self.fixture.advance(by: 6_000_000_000) }
    #expect(self.offsets(partition) == [2, 3, 4])
    // When that is gone, all is gone through again.
    partition.log.trim(before: 3)
    try self.append("d=1 d=2 d=3 d=4", to: partition)
    for _ in 0..<10 { self.fixture.advance(by: 6_000_000_000) }
    #expect(self.offsets(partition) == [4, 8])
  }

  @Test func aKeyMayGoAtOnceAndComeAgain() throws {
    let partition = try self.make { $0.tombstoneLife = 0 }
    try self.append("a=1 a= b=1", to: partition)
    for _ in 0..<6 { self.fixture.advance(by: 6_000_000_000) }
    #expect(self.offsets(partition) == [2])
    try self.append("a=2", to: partition)
    for _ in 0..<3 { self.fixture.advance(by: 6_000_000_000) }
    #expect(self.offsets(partition) == [2, 3])
  }

  @Test func whatWasTakenBackGoes() throws {
    let partition = try self.make()
    try self.append("a=1 b=1", to: partition)
    try self.append("a=2 word", .void, to: partition)
    try self.append("a=3", .stays, to: partition)
    self.fixture.advance(by: 6_000_000_000)
    #expect(self.offsets(partition) == [0, 1, 4])
  }

  @Test func anEndStaysAsLongAsItsPart() throws {
    let partition = try self.make { $0.tombstoneLife = 0 }
    try self.append("a=1 b=1", .part, to: partition)
    try self.append("c=1", .otherPart, to: partition)
    try self.append("end", .end, to: partition)
    try self.append("end", .otherEnd, to: partition)
    for _ in 0..<3 { self.fixture.advance(by: 6_000_000_000) }
    #expect(self.offsets(partition) == [0, 1, 2, 3, 4])
    try self.append("a=2 c=2", to: partition)
    try self.append("d=1", .part, to: partition)
    try self.append("end", .end, to: partition)
    for _ in 0..<3 { self.fixture.advance(by: 6_000_000_000) }
    // Something of the first is left, and nothing of the second.
    #expect(self.offsets(partition) == [1, 3, 5, 6, 7, 8])
    try self.append("b=2 d=2 e=1 e=2 e=3 e=4", to: partition)
    for _ in 0..<3 { self.fixture.advance(by: 6_000_000_000) }
    #expect(self.offsets(partition) == [5, 6, 9, 10, 14])
  }

  @Test func anEndStaysForAWhile() throws {
    let partition = try self.make { $0.tombstoneLife = 60_000_000_000 }
    try self.append("a=1", .void, to: partition)
    try self.append("end", .end, to: partition)
    try self.append("b=1", to: partition)
    self.fixture.advance(by: 6_000_000_000)
    #expect(self.offsets(partition) == [1, 2])
    for _ in 0..<9 { self.fixture.advance(by: 6_000_000_000) }
    #expect(self.offsets(partition) == [1, 2])
    for _ in 0..<3 { self.fixture.advance(by: 6_000_000_000) }
    #expect(self.offsets(partition) == [2])
  }

  @Test func whatIsNotSettledIsNotTouched() throws {
    let partition = try self.make()
    for number in 1...3 { try self.append("a=\(number)", to: partition) }
    self.keeper.settled = 2
    for _ in 0..<3 { self.fixture.advance(by: 6_000_000_000) }
    #expect(self.offsets(partition) == [1, 2])
    self.keeper.settled = .max
    self.fixture.advance(by: 6_000_000_000)
    #expect(self.offsets(partition) == [2])
  }

  @Test func otherTopicsKeepAll() throws {
    let partition = try self.make { $0.cleanup = .delete }
    try self.append("a=1 a=2", to: partition)
    self.fixture.advance(by: 60_000_000_000)
    #expect(self.offsets(partition) == [0, 1])
  }

  @Test func aTopicThatIsDeletedMeanwhileIsLetGo() throws {
    let partition = try self.make()
    for _ in 0..<3_000 { try self.append("a=1 b=2", to: partition) }
    self.fixture.engine.advance(to: self.fixture.engine.now + 5_000_000_000)
    // The first step, of several.
    _ = self.fixture.engine.timers.fireDue()
    self.fixture.tenant.partitionedTopics.delete("t")
    self.fixture.advance(by: 6_000_000_000)
    #expect(self.offsets(partition).count == 6_000)
  }
}
