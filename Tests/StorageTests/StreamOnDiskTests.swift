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
}
