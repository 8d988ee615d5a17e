import GodwitEngine
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
}
