import GodwitEngine
import GodwitSimulator
import GodwitStorage
import NIOCore
import Testing

/// Single facts about journals that are longer than what is read of them at a time.
@Suite struct FileJournalTests {
  private final class Process {
    let engine = Engine(now: 1)
    let store: FileStore
    let disk: SimulatedDisk
    private var turns: [() -> Void] = []

    init(_ disk: SimulatedDisk) throws {
      self.disk = disk
      var add: ((@escaping () -> Void) -> Void)?
      self.store = try FileStore(
        folder: "data", disk: disk, engine: self.engine, atTurnEnd: { add?($0) }, report: { _ in })
      add = { [unowned self] in self.turns.append($0) }
    }

    func journal() throws -> any Journal { try self.store.journal(named: "j") }

    func endTurn() {
      let turns = self.turns
      self.turns = []
      for turn in turns { turn() }
    }

    func settle() {
      while !self.turns.isEmpty || self.disk.isBusy {
        self.endTurn()
        while self.disk.isBusy { self.disk.answer() }
      }
    }
  }

  /// Some four mebibytes; one entry is longer than what is read at a time.
  private static let entries = (0..<400).map { number in
    ByteBuffer(
      repeating: UInt8(truncatingIfNeeded: number), count: number == 170 ? 2_500_000 : 4_000)
  }

  private static func read(_ journal: any Journal) throws -> [ByteBuffer] {
    var found: [ByteBuffer] = []
    try journal.replay { found.append($0) }
    return found
  }

  /// A process whose journal has these entries, committed.
  private static func process(_ disk: SimulatedDisk, having entries: [ByteBuffer]) throws
    -> (Process, any Journal)
  {
    let process = try Process(disk)
    let journal = try process.journal()
    for entry in entries { journal.append(entry) }
    process.settle()
    return (process, journal)
  }

  /// What comes first may be a snapshot.
  @Test func aSnapshotIsThereThoughThereWasNoFile() throws {
    let disk = SimulatedDisk(seed: 1)
    let process = try Process(disk)
    let journal = try process.journal()
    journal.replace(with: [ByteBuffer(string: "all")])
    process.settle()
    journal.append(ByteBuffer(string: "more"))
    process.settle()
    disk.crash(.process)
    let next = try Process(disk)
    let expected = [ByteBuffer(string: "all"), ByteBuffer(string: "more")]
    #expect(try Self.read(next.journal()) == expected)
  }

  /// What stands on an entry is not written before it, though the entry waits for a snapshot's end.
  @Test func aLogWaitsForTheJournalThatGoesFirst() throws {
    let process = try Process(SimulatedDisk(seed: 1))
    let journal = try process.journal()
    journal.goFirst()
    let log = try process.store.log(named: "log")
    journal.append(ByteBuffer(string: "one"))
    process.settle()
    journal.replace(with: [ByteBuffer(string: "one")])
    journal.append(ByteBuffer(string: "two"))
    process.endTurn()
    // The snapshot is synced, and what came meanwhile is being.
    process.disk.answer()
    journal.append(ByteBuffer(string: "three"))
    _ = try log.append(
      process.engine.tenant(named: "t").record(topic: Array("a".utf8), payload: []))
    process.endTurn()
    #expect(process.disk.isBusy)
    #expect(log.committedOffset == 0)
    process.settle()
    #expect(log.committedOffset == 1)
    process.disk.crash(.process)
    let next = try Process(process.disk)
    #expect(try Self.read(next.journal()).map { String(buffer: $0) } == ["one", "two", "three"])
  }

  @Test func aJournalThatWasASnapshotOnlyGoesWithItsFile() throws {
    let disk = SimulatedDisk(seed: 1)
    let process = try Process(disk)
    try process.journal().replace(with: [ByteBuffer(string: "all")])
    process.settle()
    process.store.remove(named: "j")
    #expect(try disk.list("data/journals").isEmpty)
    #expect(try Self.read(process.journal()).isEmpty)
  }

  @Test func aLongOneIsReadInPieces() throws {
    let disk = SimulatedDisk(seed: 1)
    _ = try Self.process(disk, having: Self.entries)
    let process = try Process(disk)
    #expect(try Self.read(process.journal()) == Self.entries)
  }

  @Test func soItIsWritten() throws {
    let disk = SimulatedDisk(seed: 1)
    let (process, journal) = try Self.process(disk, having: [ByteBuffer(string: "before")])
    journal.replace { add in for entry in Self.entries { add(entry) } }
    journal.append(ByteBuffer(string: "after"))
    process.settle()
    let next = try Process(disk)
    #expect(try Self.read(next.journal()) == Self.entries + [ByteBuffer(string: "after")])
  }

  @Test func whatWasTakenBackHalfWayLeavesTheOldOne() throws {
    let disk = SimulatedDisk(seed: 1)
    let (process, journal) = try Self.process(disk, having: [ByteBuffer(string: "before")])
    disk.faults.capacity = 2_000_000
    journal.replace { add in for entry in Self.entries { add(entry) } }
    process.settle()
    #expect(disk.usedBytes < 1_000)
    let next = try Process(disk)
    #expect(try Self.read(next.journal()) == [ByteBuffer(string: "before")])
  }

  @Test func whatCannotBeReadIsNoEmptyJournal() throws {
    let disk = SimulatedDisk(seed: 1)
    _ = try Self.process(disk, having: Self.entries)
    let process = try Process(disk)
    let again = try process.journal()
    disk.faults.failingReads = 1
    #expect(throws: EngineError.self) { _ = try Self.read(again) }
    disk.faults.failingReads = 0
    #expect(try Self.read(again) == Self.entries)
    #expect(try Self.read(again).isEmpty)
  }
}
