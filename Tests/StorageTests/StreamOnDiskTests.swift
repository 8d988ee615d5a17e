import GodwitEngine
import GodwitPrimitives
import GodwitSimulator
import GodwitStorage
import NIOCore
import Testing

/// A stream and its group on a file store: what they are told again after the process is gone.
struct StreamOnDiskTests {
  private final class Process {
    let engine = Engine(now: 1_000_000_000)
    let store: FileStore
    let tenant: Tenant
    private final class Turns {
      var bodies: [() -> Void] = []
    }
    private let turns = Turns()

    init(_ disk: SimulatedDisk) throws {
      let turns = self.turns
      self.store = try FileStore(
        folder: "data", disk: disk, engine: self.engine,
        atTurnEnd: { turns.bodies.append($0) }, report: { _ in })
      self.tenant = self.engine.tenant(named: "a")
      self.tenant.store = self.store
      #expect(try self.tenant.streams.restore().isEmpty)
    }

    func endTurn() {
      let bodies = self.turns.bodies
      self.turns.bodies = []
      for body in bodies { body() }
    }
  }

  @Test func recordsAndPositionsAreThereAgain() throws {
    let disk = SimulatedDisk(seed: 1)
    var process = try Process(disk)
    var settings = StreamSettings(
      name: "orders/1", patterns: [TopicPattern(canonical: Array("a.*".utf8))])
    settings.recordsPerTopicMax = 2
    settings.firstOffset = 5
    var stream = try process.tenant.streams.create(settings)
    var group = try stream.makeGroup(StreamGroupSettings(name: "g"))
    for index in 0..<6 {
      process.tenant.publish(topic: Array("a.\(index % 2)".utf8), payload: Array("\(index)".utf8))
    }
    for _ in 0..<4 {
      process.endTurn()
      while disk.isBusy { disk.answer() }
    }
    #expect(stream.committedOffset == 11)
    #expect(stream.count == 4)
    let offsets = (0..<3).compactMap { _ in group.lease()?.offset }
    #expect(offsets == [7, 8, 9])
    group.acknowledge(8)
    group.whenCommitted { #expect($0 == nil) }
    for _ in 0..<4 {
      process.endTurn()
      while disk.isBusy { disk.answer() }
    }
    process = try Process(disk)
    stream = try #require(process.tenant.streams["orders/1"])
    #expect(stream.settings == settings)
    #expect(stream.count == 4)
    #expect(stream.firstOffset == 7)
    #expect(stream.nextOffset == 11)
    group = try #require(stream.group(named: "g"))
    #expect(group.inFlight == 2)
    #expect(group.pendingCount == 1)
    #expect(group.lease()?.offset == 10)
  }

  /// The definitions are damaged, and the application makes its stream again, as it does at each
  /// start.
  @Test func aStreamThatNobodyKnowsOfIsTakenOver() throws {
    let disk = SimulatedDisk(seed: 2)
    let settings = StreamSettings(
      name: "s", patterns: [TopicPattern(canonical: Array("a.*".utf8))])
    func settle(_ process: Process) {
      for _ in 0..<4 {
        process.endTurn()
        while disk.isBusy { disk.answer() }
      }
    }
    var process = try Process(disk)
    var stream = try process.tenant.streams.create(settings)
    _ = try stream.makeGroup(StreamGroupSettings(name: "g"))
    for index in 0..<6 {
      process.tenant.publish(topic: Array("a.\(index)".utf8), payload: [])
    }
    settle(process)
    disk.remove("data/journals/streams.journal")
    process = try Process(disk)
    #expect(process.tenant.streams.all.isEmpty)
    stream = try process.tenant.streams.create(settings)
    settle(process)
    #expect(stream.count == 6)
    #expect(stream.topicCount == 6)
    #expect(stream.group(named: "g")?.pendingCount == 6)
    // Not so where somebody deleted it.
    process.tenant.streams.delete("s")
    settle(process)
    stream = try process.tenant.streams.create(settings)
    #expect(stream.count == 0)
    #expect(stream.groups.isEmpty)
  }

  @Test(arguments: 1...40 as ClosedRange<UInt64>)
  func aSnapshotOutlivesDamageButForWhatIsDamaged(seed: UInt64) throws {
    let disk = SimulatedDisk(seed: seed)
    let entries = (0..<6).map { ByteBuffer(repeating: UInt8($0), count: 60) }
    var process = try Process(disk)
    try process.store.journal(named: "j").replace(with: entries)
    for _ in 0..<4 {
      process.endTurn()
      while disk.isBusy { disk.answer() }
    }
    #expect(disk.damage { $0.hasSuffix("/j.journal") } != nil)
    process = try Process(disk)
    var found: [ByteBuffer] = []
    try process.store.journal(named: "j").replay { found.append($0) }
    #expect(found.allSatisfy { entries.contains($0) })
    // Its header was damaged, or one or two entries next to each other.
    #expect(found.isEmpty || found.count >= 4, "\(found.count)")
    if found.isEmpty {
      #expect(throws: Never.self) {
        _ = try disk.open("data/journals/j.journal.quarantined", isNew: false)
      }
    }
  }
}
