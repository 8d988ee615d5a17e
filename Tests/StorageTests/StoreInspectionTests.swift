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
    let facts = try inspection.read("log", Engine(now: 1)) { offset, record in
      seen[offset] = String(decoding: record.body.readableBytesView, as: UTF8.self)
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
