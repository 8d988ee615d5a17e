import GodwitEngine
import GodwitPrimitives
import GodwitSimulator
import GodwitStorage
import NIOCore
import Testing

/// What `godwit data` sees of a folder.
@Suite struct StoreInspectionTests {
  @Test func aFolderIsReadWithoutChangingIt() throws {
    let world = try LogWorld(seed: 7, sync: .always)
    for _ in 0..<80 {
      world.append()
      world.settle()
    }
    for _ in 0..<5 { world.remove() }
    world.log.trim(before: 30)
    world.settle()
    let (count, first, next) = (world.log.count, world.log.firstOffset, world.log.nextOffset)
    let confirmed = world.confirmed.filter { $0.key >= first }
    world.disk.crash(.process)
    let used = world.disk.usedBytes
    let inspection = StoreInspection(folder: "data", disk: world.disk)
    #expect(try inspection.logs() == ["log"])
    #expect(try inspection.journalProblems() == [])
    var seen: [UInt64: String] = [:]
    let facts = try inspection.read("log", Engine(now: 1)) { entry in
      for offset in entry.offsets { seen[offset] = LogWorld.text(entry) }
      return true
    }
    #expect(facts.records == count)
    #expect(facts.firstOffset == first)
    #expect(facts.nextOffset == next)
    #expect(facts.problems == [])
    #expect(seen == confirmed)
    #expect(world.disk.usedBytes == used)
    #expect(world.disk.damage { $0.hasSuffix(".log") } != nil)
    let damaged = try inspection.read("log", Engine(now: 1))
    #expect(!damaged.problems.isEmpty)
    #expect(damaged.records < count)
  }

  @Test func batchesAreKnown() throws {
    let world = try LogWorld(seed: 8, sync: .always)
    for _ in 0..<20 {
      world.append()
      world.appendBatch()
      world.settle()
    }
    for _ in 0..<10 { world.remove() }
    world.settle()
    let (count, next) = (world.log.count, world.log.nextOffset)
    world.disk.crash(.process)
    var records = 0
    var batches = 0
    let facts = try StoreInspection(folder: "data", disk: world.disk).read("log", Engine(now: 1)) {
      switch $0 {
      case .record: records += 1
      case .batch(let bytes, let form, _, let count):
        batches += 1
        #expect(form == 7)
        #expect(count > 0 && bytes.readableBytes > 0)
      }
      return true
    }
    #expect(facts.problems == [])
    #expect(facts.records == count)
    #expect(facts.nextOffset == next)
    #expect(records > 0 && records < 20)
    #expect(batches > 10 && batches <= 20)
  }

  @Test(arguments: ["", "a", "a b", "ä/../%", "..", "stream ORDERS", "\u{0}"])
  func namesBecomeFileNamesAndBack(name: String) {
    let escaped = FileName.escape(name)
    #expect(FileName.unescape(escaped) == name)
    #expect(escaped.utf8.allSatisfy { $0 != UInt8(ascii: "/") && $0 != UInt8(ascii: ".") })
  }

  @Test(arguments: ["%", "%4", "%zz", "%41", "a b", "%e4"])
  func whatNoNameBecameIsNoName(fileName: String) {
    #expect(FileName.unescape(fileName) == nil)
  }

  /// Segments, some of which went as a whole.
  private func segments(seed: UInt64) throws -> (world: LogWorld, files: [String]) {
    let world = try LogWorld(seed: seed, sync: .always)
    for _ in 0..<120 {
      world.append()
      world.settle()
    }
    world.log.skip(to: world.log.nextOffset + 2_000_000)
    for _ in 0..<20 {
      world.append()
      world.settle()
    }
    world.disk.crash(.process)
    let files = try world.disk.list("data/logs/log").filter { $0.hasSuffix(".log") }.sorted()
    return (world, files)
  }

  private func problems(_ world: LogWorld) throws -> [StorageReport] {
    try StoreInspection(folder: "data", disk: world.disk).read("log", Engine(now: 1)).problems
  }

  @Test func whatACrashLeavesIsNoLoss() throws {
    let (world, files) = try self.segments(seed: 9)
    #expect(files.count > 3)
    #expect(try self.problems(world) == [])
    let last = try world.disk.open("data/logs/log/\(files[files.count - 1])", isNew: false)
    try last.write(ByteBuffer(string: "torn"), at: try last.size())
    #expect(try self.problems(world).map(\.kind) == [.cut])
    let next = "data/logs/log/00000000000009999999.log"
    for text in ["", "godwit"] {
      let file = try world.disk.open(next, isNew: true)
      if !text.isEmpty { try file.write(ByteBuffer(string: text), at: 0) }
      // The segment before it is torn, too, which is no crash's work.
      #expect(try self.problems(world).map(\.kind) == [.damaged, .cut])
    }
  }

  @Test func aSegmentThatIsMissingIsMissed() throws {
    let (world, files) = try self.segments(seed: 10)
    let middle = files[1].dropLast(4)
    world.disk.remove("data/logs/log/\(middle).log")
    let found = try self.problems(world)
    #expect(found.map(\.kind) == [.damaged])
    #expect(found.first?.message.contains("in no file") == true)
  }

  @Test func logsOfWhichNobodyKnowsAreTold() throws {
    let engine = Engine(now: 1)
    var ends: [() -> Void] = []
    let disk = SimulatedDisk(seed: 3)
    let store = try FileStore(
      folder: "data", disk: disk, engine: engine, atTurnEnd: { ends.append($0) }, report: { _ in })
    let tenant = engine.tenant(named: "a")
    tenant.store = store
    let pattern = TopicPattern(canonical: Array("s".utf8))
    _ = try tenant.streams.create(StreamSettings(name: "s", patterns: [pattern]))
    _ = try tenant.partitionedTopics.create(
      PartitionedTopicSettings(name: "t-1", topic: Array("t".utf8), partitions: 1))
    for topic in ["s", "t"] { tenant.publish(topic: Array(topic.utf8), payload: [1]) }
    while !ends.isEmpty {
      let bodies = ends
      ends = []
      for body in bodies { body() }
      while disk.isBusy { disk.answer() }
    }
    let inspection = StoreInspection(folder: "data", disk: disk)
    #expect(try inspection.logs() == ["stream s", "t-1-0"])
    #expect(try inspection.journalProblems() == [])
    for (journal, count) in [("streams", 1), ("topics", 2)] {
      try disk.open("data/journals/\(journal).journal", isNew: false).truncate(to: 0)
      let problems = try inspection.journalProblems()
      #expect(problems.count { $0.kind == .damaged } == count)
      #expect(problems.count { $0.kind == .cut } == count)
    }
  }
}
