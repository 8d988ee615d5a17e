import GodwitEngine
import GodwitSimulator
import GodwitStorage
import NIOCore
import NIOPosix
import Testing

/// Single facts about the file log, on a disk in memory that does what it is told.
@Suite struct FileLogTests {
  private func world(_ seed: UInt64 = 1) throws -> LogWorld {
    try LogWorld(seed: seed, sync: .always)
  }

  private func fill(_ world: LogWorld, _ count: Int) {
    for _ in 0..<count {
      world.append()
      if world.log.nextOffset % 3 == 0 { world.endTurn() }
    }
    world.settle()
  }

  @Test func nothingIsThereBeforeItIsCommitted() throws {
    let world = try self.world()
    world.append()
    #expect(world.log.nextOffset == 1)
    #expect(world.log.committedOffset == 0)
    #expect(world.log.record(at: 0) == nil)
    world.endTurn()
    #expect(world.log.record(at: 0) == nil)
    var woken = 0
    world.log.whenAppended { woken += 1 }
    while world.disk.isBusy { world.disk.answer() }
    #expect(woken == 1)
    #expect(world.log.committedOffset == 1)
    #expect(world.log.record(at: 0) != nil)
  }

  @Test func whatAGroupWaitsForIsSyncedOnce() throws {
    let world = try self.world()
    let before = world.disk.syncCount
    for _ in 0..<100 { world.append() }
    world.settle()
    #expect(world.confirmed.count == 100)
    // One for the segments' folder and files; more only where segments filled up meanwhile.
    #expect(world.disk.syncCount == before + 1)
  }

  @Test func theDiskGoesOnBeforeAnybodyIsTold() throws {
    let world = try self.world()
    world.append()
    world.endTurn()
    world.append()
    world.endTurn()
    let before = world.disk.syncCount
    var told: Int?
    world.log.whenCommitted(before: 1) { _ in told = world.disk.syncCount }
    world.disk.answer()
    #expect(told == before + 1)
    #expect(world.log.committedOffset == 1)
  }

  @Test(arguments: 1...40 as ClosedRange<UInt64>)
  func damageInTheMiddleIsReportedAndTheRestIsServed(seed: UInt64) throws {
    let world = try self.world(seed)
    self.fill(world, 60)
    world.disk.crash(.process)
    let path = world.disk.damage { $0.hasSuffix(".log") }
    try world.open()
    var served = 0
    for offset in 0..<60 as Range<UInt64> where world.log.record(at: offset) != nil { served += 1 }
    #expect(path != nil)
    #expect(served < 60 || world.reports.contains { $0.path.hasPrefix(path ?? "-") })
    #expect(served > 0)
    if served < 60 {
      #expect(world.reports.contains { $0.kind != .failed }, "nobody was told of \(60 - served)")
    }
    #expect(world.log.nextOffset <= 60)
  }

  @Test func allGoesThoughTheDiskHasNoRoomForAnotherSegment() throws {
    let world = try self.world()
    self.fill(world, 40)
    world.disk.faults.capacity = world.disk.usedBytes
    world.trim(before: 40)
    #expect(world.log.count == 0)
    #expect(world.log.next(from: 0) == 40)
    world.disk.faults.capacity = .max
    self.fill(world, 2)
    try world.crash(.power)
    try world.checkAll()
    #expect(world.log.count == 2)
  }

  @Test(arguments: 1...20 as ClosedRange<UInt64>)
  func aReaderOfMoreThanMemoryHoldsGetsOn(seed: UInt64) throws {
    let world = try self.world(seed)
    self.fill(world, 300)
    for _ in 0..<2 {
      for offset in 0..<300 as Range<UInt64> {
        var reads = 0
        while !world.log.prepare(offset, {}) {
          reads += 1
          try #require(reads == 1, "what was read for \(offset) went before it was used")
          while world.disk.isBusy { world.disk.answer() }
        }
        #expect(world.log.record(at: offset) != nil)
      }
    }
  }

  @Test(arguments: 1...20 as ClosedRange<UInt64>)
  func aGapIsLeftAndFoundAgain(seed: UInt64) throws {
    let world = try self.world(seed)
    self.fill(world, 5)
    world.log.skip(to: 20)
    #expect(world.log.nextOffset == 20)
    #expect(world.log.committedOffset == 20)
    self.fill(world, 30)
    for isFresh in [true, false] {
      #expect(world.log.nextOffset == 50)
      #expect(world.log.count == 35)
      #expect(world.log.next(from: 5) == 20)
      #expect(world.log.record(at: 19) == nil)
      #expect(world.log.record(at: 20) != nil)
      if isFresh {
        world.disk.crash(.process)
        try world.open()
      }
    }
  }

  @Test func aLogThatIsTrimmedGivesItsFilesBack() throws {
    let world = try self.world(3)
    self.fill(world, 200)
    let full = world.disk.usedBytes
    world.log.trim(before: 190)
    world.settle()
    #expect(world.log.count == 10)
    #expect(world.log.firstOffset == 190)
    #expect(world.disk.usedBytes < full / 3)
    world.log.trim(before: 200)
    world.settle()
    #expect(world.log.count == 0)
    #expect(world.log.byteCount == 0)
    try world.crash(.power)
    #expect(world.log.nextOffset == 200)
    #expect(world.log.count == 0)
  }

  @Test func aLogBeginsWhereItIsTold() throws {
    let world = try self.world(4)
    world.log.skip(to: 41)
    world.append()
    world.settle()
    try world.crash(.power)
    #expect(world.log.firstOffset == 41)
    #expect(world.log.record(at: 41) != nil)
    #expect(world.log.nextOffset == 42)
  }

  /// The disk has room for a part of it.
  @Test(arguments: 1...40 as ClosedRange<UInt64>)
  func aUnitIsKeptWholeOrNotAtAll(seed: UInt64) throws {
    let world = try self.world(seed)
    self.fill(world, Int(seed % 7))
    let before = world.log.nextOffset
    world.append()
    try world.log.beginUnit()
    for _ in 0..<60 { world.append() }
    world.log.endUnit()
    world.disk.faults.capacity = world.disk.usedBytes + 1_500
    world.endTurn()
    while world.disk.isBusy { world.disk.answer() }
    #expect(world.log.committedOffset <= before + 1, "a part of the unit is there")
    world.disk.faults.capacity = .max
    try world.log.beginUnit()
    for _ in 0..<60 { world.append() }
    world.log.endUnit()
    world.settle()
    #expect(world.log.committedOffset == world.log.nextOffset)
    #expect(world.log.count == Int(world.log.nextOffset))
  }

  @Test func aBatchIsFoundByEachOfItsOffsets() throws {
    let world = try self.world(6)
    world.append()
    let bytes = ByteBuffer(string: "packed")
    let first = try world.log.append(batch: bytes, form: 3, origin: .engine, count: 5, time: 9)
    #expect(first == 1)
    #expect(world.log.nextOffset == 6)
    world.append()
    world.settle()
    func isBatch(_ offset: UInt64) -> Bool {
      guard case .batch(let found, form: 3, first: 1, count: 5) = world.log.entry(at: offset) else {
        return false
      }
      return found == bytes
    }
    #expect((1..<6).allSatisfy(isBatch))
    #expect(world.log.record(at: 1) == nil)
    #expect(world.log.record(at: 6) != nil)
    #expect(world.log.count == 7)
    world.log.trim(before: 3)
    #expect(world.log.firstOffset == 3)
    #expect(!isBatch(2) && isBatch(3))
    world.settle()
    try world.crash(.power)
    #expect(world.log.firstOffset == 3)
    #expect(world.log.count == 4)
    #expect(isBatch(5))
    let before = world.log.byteCount
    world.log.remove(at: 3)
    world.log.remove(at: 4)
    #expect(world.log.byteCount == before)
    world.log.remove(at: 5)
    #expect(world.log.byteCount < before)
    #expect(world.log.firstOffset == 6)
  }

  @Test func whatAReaderHoldsDoesNotChange() throws {
    let world = try self.world(7)
    _ = try world.log.append(
      batch: ByteBuffer(string: "one"), form: 0, origin: .engine, count: 1, time: 1)
    world.settle()
    let entry = try #require(world.log.entry(at: 0))
    for _ in 0..<50 { world.appendBatch() }
    world.settle()
    #expect(LogWorld.text(entry).hasSuffix("one"))
  }

  @Test func severalBlocksAreReadInOneGo() throws {
    /// How many records are at hand when the disk has answered once.
    func atHand(bytes: Int) throws -> UInt64 {
      let world = try LogWorld(seed: 5, sync: .always) {
        $0.segmentBytesMax = 100_000
        $0.blockBytes = 300
        $0.cacheBytesMax = 20_000
      }
      self.fill(world, 100)
      try world.crash(.process)
      var ready = 0
      #expect(!world.log.prepare(2, bytes: bytes) { ready += 1 })
      while world.disk.isBusy { world.disk.answer() }
      #expect(ready == 1)
      var next: UInt64 = 2
      while world.log.prepare(next, {}) { next += 1 }
      try world.checkAll()
      return next
    }
    let one = try atHand(bytes: 0)
    #expect(try atHand(bytes: 900) > one)
    // A reader does not push the others out of the cache, whatever it asks for.
    #expect(try atHand(bytes: 1_000_000) < 60)
  }

  @Test func whoReadsInOrderReadsMoreAtOnce() throws {
    let world = try LogWorld(seed: 5, sync: .always) {
      $0.segmentBytesMax = 1_000_000
      $0.blockBytes = 300
      $0.cacheBytesMax = 20_000
    }
    self.fill(world, 200)
    try world.crash(.process)
    /// How many bytes are read each time that the disk must be asked.
    func loads(from offset: UInt64) -> [Int] {
      var loads: [Int] = []
      for next in offset..<world.log.committedOffset {
        let before = world.disk.bytesRead
        var isReady = false
        guard !world.log.prepare(next, { isReady = true }) else { continue }
        while !isReady, world.disk.isBusy { world.disk.answer() }
        #expect(isReady)
        loads.append(world.disk.bytesRead - before)
      }
      return loads
    }
    let all = loads(from: 0)
    #expect(all.count > 3)
    // A start finds blocks that are longer by less than a record.
    #expect(all[0] <= 600)
    #expect(all[1] > all[0])
    #expect(all[2] > all[1])
    #expect(all.allSatisfy { $0 <= world.settings.cacheBytesMax / 4 })
    // Another reader, elsewhere, begins anew.
    try world.crash(.process)
    #expect(loads(from: 77).first ?? .max <= 600)
    try world.checkAll()
  }

  @Test func aPeekSharesBlocksThatAreFullAndWhoKeepsARecordHasItsOwn() throws {
    let world = try LogWorld(seed: 5, sync: .always) {
      $0.segmentBytesMax = 1_000_000
      $0.blockBytes = 4_096
      $0.cacheBytesMax = 100_000
    }
    self.fill(world, 200)
    try world.crash(.process)
    var ready = 0
    guard case .later = world.log.peek(at: 2) else {
      Issue.record("nothing was read yet")
      return
    }
    #expect(!world.log.prepare(2) { ready += 1 })
    while world.disk.isBusy { world.disk.answer() }
    #expect(ready == 1)
    guard case .record(let record) = world.log.peek(at: 2),
      let alone = world.log.record(at: 2)
    else {
      Issue.record("it is there")
      return
    }
    #expect(record.topic == alone.topic)
    #expect(record.body == alone.body)
    #expect(record.receivedAt == alone.receivedAt)
    // Its neighbours would count as its own.
    #expect(record.byteCount > alone.byteCount)
    #expect(record.own.byteCount <= alone.byteCount)
    #expect(record.own.body == alone.body)
    record.withPublication { publication in
      #expect(publication.record(world.engine).byteCount <= alone.byteCount)
    }
    world.log.remove(at: 2)
    guard case .none = world.log.peek(at: 2) else {
      Issue.record("it was removed")
      return
    }
    // What is read stays, whatever is added behind it.
    let last = world.log.nextOffset
    world.append()
    world.settle()
    guard case .record(let newest) = world.log.peek(at: last) else {
      Issue.record("it is at hand")
      return
    }
    let body = newest.body
    for _ in 0..<20 { world.append() }
    world.settle()
    #expect(newest.body == body)
  }

  @Test func readersAreToldWhenABlockIsThere() throws {
    let world = try self.world(5)
    self.fill(world, 100)
    try world.crash(.process)
    var ready = 0
    #expect(!world.log.prepare(2) { ready += 1 })
    #expect(ready == 0)
    while world.disk.isBusy { world.disk.answer() }
    #expect(ready == 1)
    #expect(world.log.prepare(2) { ready += 1 })
  }

  /// One segment of many blocks.
  private func longWorld() throws -> LogWorld {
    try LogWorld(seed: 3, sync: .always) {
      $0.segmentBytesMax = 1 << 20
      $0.blockBytes = 512
    }
  }

  @Test func aStartReadsWhatCameSinceTheLastOrderlyEnd() throws {
    let world = try self.longWorld()
    self.fill(world, 600)
    let bytes = world.log.byteCount
    var before = world.disk.bytesRead
    try world.crash(.process)
    #expect(world.disk.bytesRead - before > bytes)
    try world.restart()
    before = world.disk.bytesRead
    try world.crash(.process)
    // The index, and the last block twice.
    #expect(world.disk.bytesRead - before < bytes / 8)
    try world.checkAll()
    self.fill(world, 60)
    before = world.disk.bytesRead
    try world.crash(.process)
    #expect(world.disk.bytesRead - before < bytes / 4)
    #expect(world.log.nextOffset == 660)
    try world.checkAll()
  }

  @Test(arguments: [false, true])
  func anIndexThatSpeaksOfWhatALossOfPowerTookIsNotBelieved(isAsLong: Bool) throws {
    let world = try self.longWorld()
    self.fill(world, 600)
    try world.restart()
    let path = "data/logs/log/00000000000000000000.log"
    let file = try world.disk.open(path, isNew: false)
    let size = try file.size()
    try file.truncate(to: size - 700)
    // Or its last pages are there, and hold nothing.
    if isAsLong { try file.write(ByteBuffer(repeating: 0, count: 700), at: size - 700) }
    world.disk.crash(.process)
    try world.open()
    let end = world.log.nextOffset
    #expect((580..<600).contains(end))
    #expect(world.log.record(at: end - 1) != nil)
    // What comes now has the offsets of what is gone, and no index says otherwise.
    for _ in 0..<40 { world.append() }
    world.settle()
    world.disk.crash(.process)
    try world.open()
    #expect(world.log.nextOffset == end + 40)
    #expect((0..<end + 40).allSatisfy { world.log.record(at: $0) != nil })
  }

  @Test func offsetsOfASegmentThatIsPutAsideAreNotGivenAgain() throws {
    let world = try self.longWorld()
    self.fill(world, 100)
    world.disk.crash(.process)
    let path = "data/logs/log/00000000000000000000.log"
    try world.disk.open(path, isNew: false).write(ByteBuffer(repeating: 1, count: 8), at: 0)
    try world.open()
    #expect(world.reports.contains { $0.kind == .damaged && $0.path == path })
    let next = world.log.nextOffset
    #expect(next >= 100)
    // A start that came no further than that.
    world.disk.crash(.process)
    for name in try world.disk.list("data/logs/log") where name.hasSuffix(".log") {
      world.disk.remove("data/logs/log/\(name)")
    }
    try world.open()
    #expect(world.log.nextOffset == next)
    world.append()
    world.settle()
    for _ in 0..<2 {
      world.disk.crash(.process)
      try world.open()
      #expect(world.log.firstOffset == next)
      #expect(world.log.nextOffset == next + 1)
      #expect(world.log.record(at: next) != nil)
    }
  }

  @Test func whatComesToItsTimeWhileTheDiskIsBusyIsSyncedWhenItIsNot() throws {
    let world = try LogWorld(seed: 4, sync: .interval(1_000_000_000))
    world.append()
    world.endTurn()
    for _ in 0..<4 { world.tick() }
    #expect(world.disk.isBusy)
    world.append()
    world.endTurn()
    for _ in 0..<4 { world.tick() }
    let before = world.disk.syncCount
    world.disk.answer()
    #expect(world.disk.syncCount == before + 1)
  }

  @Test func anotherLogOfTheNameKeepsItsFiles() throws {
    let world = try self.longWorld()
    self.fill(world, 40)
    // All of its first segment goes with the next sync, which is under way when the log is deleted.
    world.trim(before: 40)
    world.endTurn()
    world.store.remove(named: "log")
    let log = try world.store.log(named: "log")
    let record = world.engine.tenant(named: "t").record(
      topic: Array("a".utf8), payload: Array("new".utf8))
    _ = try log.append(record)
    world.settle()
    #expect(try world.disk.list("data/logs/log").contains { $0.hasSuffix(".log") })
  }

  // MARK: Written elsewhere

  private func worldThatWritesElsewhere() throws -> LogWorld {
    try LogWorld(seed: 6, sync: .interval(1_000_000_000)) {
      $0.segmentBytesMax = 1 << 30
      $0.blockBytes = 1 << 10
      $0.elsewhereBytesMin = 0
    }
  }

  private func append(_ body: String, to log: any Log, _ world: LogWorld) throws {
    _ = try log.append(
      world.engine.tenant(named: "t").record(topic: Array("a".utf8), payload: Array(body.utf8)))
  }

  @Test func whatIsWrittenElsewhereIsThereWhenItIsWritten() throws {
    let world = try self.worldThatWritesElsewhere()
    world.append()
    world.endTurn()
    world.append()
    world.endTurn()
    #expect(world.log.committedOffset == 0)
    #expect(world.log.record(at: 0) == nil)
    world.disk.answer()
    #expect(world.log.committedOffset == 1)
    world.disk.answer()
    #expect(world.log.committedOffset == 2)
    try world.checkAll()
  }

  @Test func whoSendsFasterThanTheDiskWritesWaits() throws {
    let world = try self.worldThatWritesElsewhere()
    world.append()
    world.endTurn()
    let mebibyte = String(repeating: "x", count: 1 << 20)
    for count in 1...17 {
      #expect(world.log.committedOffset == 0)
      try self.append(mebibyte, to: world.log, world)
      world.endTurn()
      if count < 16 { #expect(world.log.committedOffset == 0) }
      if world.log.committedOffset > 0 { break }
    }
    #expect(world.log.committedOffset == 1)
    world.settle()
    #expect(world.log.committedOffset == world.log.nextOffset)
  }

  @Test func aLogMayGoWhileItIsWrittenElsewhere() throws {
    let world = try self.worldThatWritesElsewhere()
    let other = try world.store.log(named: "other")
    world.append()
    try self.append("kept", to: other, world)
    world.endTurn()
    world.store.remove(named: "log")
    let log = try world.store.log(named: "log")
    try self.append("new", to: log, world)
    world.settle()
    #expect(other.record(at: 0).map { String(buffer: $0.body) } == "kept")
    #expect(log.record(at: 0).map { String(buffer: $0.body) } == "new")
    #expect(log.nextOffset == 1)
  }

  @Test func aSegmentThatIsFullWhileItIsWrittenIsTheLastNoLonger() throws {
    let world = try LogWorld(seed: 7, sync: .interval(1_000_000_000)) {
      $0.segmentBytesMax = 1_000
      $0.blockBytes = 200
      $0.elsewhereBytesMin = 0
    }
    // There is never a turn in which nothing is being written.
    for _ in 0..<100 {
      world.append()
      world.endTurn()
      world.append()
      world.endTurn()
      world.disk.answer()
    }
    world.settle()
    let segments = try world.disk.list("data/logs/log").filter { $0.hasSuffix(".log") }
    #expect(segments.count > 8)
    try world.checkAll()
    try world.crash(.process)
    try world.checkAll()
    #expect(world.log.count == 200)
  }
}
