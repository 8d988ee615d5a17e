import GodwitEngine
import GodwitPrimitives
import GodwitSimulator
import GodwitStorage
import NIOCore
import Testing

/// What segments give back when most of their records were removed.
@Suite struct FileCompactionTests {
  private static let segmentBytes = 16 << 10

  private func world(_ seed: UInt64 = 1) throws -> LogWorld {
    try LogWorld(seed: seed, sync: .always) { settings in
      settings.segmentBytesMax = Self.segmentBytes
      settings.blockBytes = 1 << 10
      settings.compactionDelay = 1_000_000_000
    }
  }

  private func fill(_ world: LogWorld, _ count: Int) {
    for number in 0..<count {
      world.append()
      if number % 7 == 0 { world.endTurn() }
    }
    world.settle()
  }

  /// Lets the time pass after which segments are written anew, and this happen.
  private func compact(_ world: LogWorld) {
    for _ in 0..<8 {
      world.tick()
      world.settle()
    }
  }

  @Test(arguments: 1...10 as ClosedRange<UInt64>)
  func aSegmentThatIsMostlyDeadGivesItsRoomBack(seed: UInt64) throws {
    let world = try self.world(seed)
    self.fill(world, 2_000)
    let full = world.disk.usedBytes
    for offset in 0..<1_900 as Range<UInt64> where offset % 20 != 0 { world.log.remove(at: offset) }
    world.settle()
    #expect(world.disk.usedBytes > full - 1_000)
    self.compact(world)
    #expect(world.store.compactionCount > 0)
    #expect(world.disk.usedBytes < full / 3)
    let (count, bytes) = (world.log.count, world.log.byteCount)
    #expect(count == 195)
    for isFresh in [true, false] {
      #expect(world.log.nextOffset == 2_000)
      #expect(world.log.count == count)
      #expect(world.log.byteCount == bytes)
      for offset in 0..<2_000 as Range<UInt64> {
        let isThere = offset >= 1_900 || offset % 20 == 0
        #expect((world.log.record(at: offset) != nil) == isThere)
      }
      #expect(world.log.next(from: 1) == 20)
      if isFresh { try world.crash(.power) }
    }
    #expect(world.reports.isEmpty)
    let facts = try StoreInspection(folder: "data", disk: world.disk).read("log", world.engine)
    #expect(facts.records == count)
    #expect(facts.nextOffset == 2_000)
    #expect(facts.problems.isEmpty)
  }

  /// What a queue's log is like where one consumer is away: a record of each stretch stays.
  @Test func whatIsLeftBecomesFewFilesHoweverMuchComesAndGoes() throws {
    let world = try self.world()
    for round in 0..<120 {
      let start = world.log.nextOffset
      self.fill(world, 300)
      for offset in start..<world.log.nextOffset where offset != start {
        world.log.remove(at: offset)
      }
      world.settle()
      if round % 4 == 3 { self.compact(world) }
    }
    self.compact(world)
    #expect(world.log.count == 120)
    // 36,000 records of some 110 bytes have come and gone.
    #expect(world.disk.usedBytes < 5 * Self.segmentBytes)
    #expect(try self.segments(of: world).count < 8)
    try world.crash(.power)
    #expect(world.log.count == 120)
    #expect(world.log.nextOffset == 36_000)
    #expect((0..<120).allSatisfy { world.log.record(at: UInt64($0) * 300) != nil })
  }

  private func segments(of world: LogWorld) throws -> [String] {
    try world.disk.list("data/logs/log").filter { $0.hasSuffix(".log") }
  }

  @Test func whatIsAppendedMeanwhileDoesNotWait() throws {
    let world = try LogWorld(seed: 1, sync: .always) { settings in
      settings.segmentBytesMax = 1 << 19
      settings.blockBytes = 4 << 10
      settings.compactionDelay = 1
    }
    self.fill(world, 9_000)
    let end = world.log.nextOffset
    for offset in 0..<end where offset % 3 != 0 { world.log.remove(at: offset) }
    world.settle()
    world.tick()
    var answers = 0
    while world.store.compactionCount == 0 {
      try #require(answers < 1_000)
      world.append()
      let offset = world.log.nextOffset
      world.endTurn()
      // The oldest call is the compaction's, and of the others one is the commit's.
      var own = 0
      while world.log.committedOffset < offset {
        world.disk.answer()
        own += 1
        try #require(own < 20)
      }
      answers += own
    }
    // A step copies a quarter of a MiB at the most.
    #expect(answers > 4)
    world.settle()
    for offset in 0..<world.log.nextOffset {
      let isThere = offset >= end || offset % 3 == 0
      try #require((world.log.record(at: offset) != nil) == isThere)
    }
  }

  @Test func aSegmentThatCannotBeReadWholeIsLeftAsItIs() throws {
    let world = try self.world(3)
    self.fill(world, 1_000)
    try world.crash(.process)
    let damaged = try #require(world.disk.damage { $0.hasSuffix("000.log") })
    let size = world.disk.usedBytes
    for offset in 0..<900 as Range<UInt64> where offset % 10 != 0 { world.log.remove(at: offset) }
    self.compact(world)
    #expect(world.reports.contains { $0.path == damaged && $0.kind == .damaged })
    // The others are not held up by it.
    for _ in 0..<5 { self.compact(world) }
    #expect(world.store.compactionCount > 0)
    #expect(world.disk.usedBytes < size / 2 + Self.segmentBytes)
    #expect(try world.disk.open(damaged, isNew: false).size() >= Self.segmentBytes)
  }

  @Test func aSegmentThatIsStillWrittenToIsEndedForIt() throws {
    let world = try self.world()
    self.fill(world, 80)
    let size = world.disk.usedBytes
    #expect(size < Self.segmentBytes)
    for offset in 0..<80 as Range<UInt64> where offset != 3 { world.log.remove(at: offset) }
    self.compact(world)
    #expect(world.disk.usedBytes < size / 2)
    #expect(world.log.count == 1)
    #expect(world.log.record(at: 3) != nil)
    self.fill(world, 1)
    #expect(world.log.record(at: 80) != nil)
  }
}
