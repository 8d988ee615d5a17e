import GodwitEngine
import GodwitSimulator
import GodwitStorage
import NIOCore
import Testing

/// Single facts about the journal, on a disk in memory that does what it is told.
@Suite struct FileJournalProposalTests {
  private final class World {
    let disk = SimulatedDisk(seed: 1)
    let engine = Engine(now: 1)
    var store: FileStore!
    var journal: (any Journal)!
    var turns: [() -> Void] = []
    /// What was found at the start.
    var found: [String] = []
    /// What those who waited were told, in order.
    var told: [String] = []

    init() throws { try self.open() }

    func open() throws {
      self.turns = []
      self.found = []
      self.store = try FileStore(
        folder: "data", disk: self.disk, engine: self.engine,
        atTurnEnd: { [unowned self] in self.turns.append($0) }, report: { _ in })
      self.journal = try self.store.journal(named: "j")
      try self.journal.replay { self.found.append(String(buffer: $0)) }
    }

    func restart() throws {
      self.disk.crash(.process)
      self.disk.faults = SimulatedDisk.Faults()
      try self.open()
    }

    func append(_ entry: String) {
      self.journal.append(ByteBuffer(string: entry))
      self.wait(entry)
    }

    func propose(_ entries: String...) {
      self.journal.propose(entries.map { ByteBuffer(string: $0) }) {
        self.told.append("\(entries[0]) \($0 == nil ? "kept" : "refused")")
      }
    }

    func wait(_ name: String) {
      self.journal.whenCommitted { self.told.append("\(name) \($0 == nil ? "kept" : "refused")") }
    }

    func settle() {
      while !self.turns.isEmpty || self.disk.isBusy {
        let turns = self.turns
        self.turns = []
        for turn in turns { turn() }
        self.disk.answer()
      }
    }

    func fill() { self.disk.faults.capacity = self.disk.usedBytes }
    func makeRoom() { self.disk.faults.capacity = .max }
  }

  @Test func whatWasProposedAndRefusedLeavesNothing() throws {
    let world = try World()
    world.append("a")
    world.settle()
    world.fill()
    world.propose("b", "c")
    world.settle()
    #expect(world.told == ["a kept", "b refused"])
    world.makeRoom()
    // There is nothing to wait for.
    world.wait("nothing")
    #expect(world.told.last == "nothing kept")
    world.propose("d")
    world.settle()
    #expect(world.told.last == "d kept")
    try world.restart()
    #expect(world.found == ["a", "d"])
  }

  @Test func whatWasAppendedAndRefusedIsTriedAgain() throws {
    let world = try World()
    world.append("a")
    world.settle()
    world.fill()
    world.append("b")
    world.settle()
    #expect(world.told == ["a kept", "b refused"])
    world.wait("again")
    world.settle()
    #expect(world.told.last == "again refused")
    world.makeRoom()
    // Nobody appends anything: who waits has it written.
    world.wait("b")
    world.settle()
    #expect(world.told.last == "b kept")
    try world.restart()
    #expect(world.found == ["a", "b"])
  }

  @Test func whatHasHappenedIsKeptWhereWhatWasProposedIsDropped() throws {
    let world = try World()
    world.append("a")
    world.settle()
    world.fill()
    world.append("b")
    world.propose("c")
    world.append("d")
    world.settle()
    #expect(world.told == ["a kept", "b refused", "c refused", "d refused"])
    world.makeRoom()
    world.propose("e")
    world.settle()
    #expect(world.told.last == "e kept")
    try world.restart()
    #expect(world.found == ["a", "b", "d", "e"])
  }

  @Test func whatWasWrittenIsNotRefusedWithWhatComesAfter() throws {
    let world = try World()
    world.propose("a")
    let turns = world.turns
    world.turns = []
    for turn in turns { turn() }
    world.fill()
    world.propose("b")
    world.settle()
    #expect(Set(world.told) == ["a kept", "b refused"])
    try world.restart()
    #expect(world.found == ["a"])
  }

  @Test func damageIsKnownToWhoReads() throws {
    func world(_ damage: (any DiskFile) throws -> Void) throws -> World {
      let world = try World()
      #expect(!world.journal.isDamaged)
      for entry in ["a", "b", "c", "d"] {
        world.append(entry)
        world.settle()
      }
      try world.restart()
      #expect(!world.journal.isDamaged && world.found.count == 4)
      world.disk.crash(.process)
      try damage(try world.disk.open("data/journals/j.journal", isNew: false))
      try world.open()
      return world
    }
    #expect(try world { try $0.truncate(to: 0) }.journal.isDamaged)
    #expect(try world { try $0.truncate(to: try $0.size() - 1) }.journal.isDamaged)
    #expect(try world { try $0.write(ByteBuffer(string: "?"), at: 3) }.journal.isDamaged)
    let middle = try world { try $0.write(ByteBuffer(string: "?"), at: try $0.size() / 2) }
    #expect(middle.journal.isDamaged && middle.found.count < 4)
  }
}
