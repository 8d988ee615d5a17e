import GodwitEngine
import GodwitPrimitives
import GodwitSimulator
import GodwitStorage
import NIOCore
import Testing

/// Partitioned topics on a file store, over several lives of the process.
struct TopicOnDiskTests {
  private final class Process {
    let disk: SimulatedDisk
    let engine = Engine(now: 1_000_000_000)
    let store: FileStore
    let tenant: Tenant
    private final class Turns {
      var bodies: [() -> Void] = []
    }
    private let turns = Turns()

    init(_ disk: SimulatedDisk) throws {
      self.disk = disk
      let turns = self.turns
      self.store = try FileStore(
        folder: "data", disk: disk, engine: self.engine,
        atTurnEnd: { turns.bodies.append($0) }, report: { _ in })
      self.tenant = self.engine.tenant(named: "a")
      self.tenant.store = self.store
      #expect(try self.tenant.partitionedTopics.restore().isEmpty)
      try self.tenant.cursors.restore()
    }

    func settle() {
      for _ in 0..<4 {
        let bodies = self.turns.bodies
        self.turns.bodies = []
        for body in bodies { body() }
        while self.disk.isBusy { self.disk.answer() }
      }
    }

    /// What a partition of `orders` holds, in short.
    func contents(_ partition: Int) -> [String] {
      guard let topic = self.tenant.partitionedTopics["orders"] else { return ["no topic"] }
      return topic.partitions[partition].entries(from: 0, maxBytes: .max).map { entry in
        switch entry {
        case .record(let record, let offset): "\(String(buffer: record.body))@\(offset)"
        case .batch(let bytes, let form, let first, let count):
          "\(String(buffer: bytes))/\(form)@\(first)+\(count)"
        }
      }
    }
  }

  @Test func whatIsDeletedGoesWhenThatIsWrittenDown() throws {
    let disk = SimulatedDisk(seed: 1)
    var process = try Process(disk)
    let settings = PartitionedTopicSettings(
      name: "orders", topic: Array("shop.orders".utf8), partitions: 1)
    let partition = try process.tenant.partitionedTopics.create(settings).partitions[0]
    try partition.append(
      batch: ByteBuffer(string: "abc"), form: 4, origin: .engine, count: 3, time: 5)
    process.settle()
    process.tenant.partitionedTopics.delete("orders")
    // The process ends first: all is as it was.
    disk.crash(.process)
    process = try Process(disk)
    #expect(process.contents(0) == ["abc/4@0+3"])
    process.tenant.partitionedTopics.delete("orders")
    process.settle()
    #expect(try disk.list("data/logs").isEmpty)
    // What a crash leaves of a log is not another topic's, where it was deleted.
    _ = try process.store.log(named: "orders-0").append(
      batch: ByteBuffer(string: "old"), form: 4, origin: .engine, count: 1, time: 5)
    process.settle()
    disk.crash(.process)
    process = try Process(disk)
    _ = try process.tenant.partitionedTopics.create(settings)
    #expect(process.contents(0) == [])
    // What nobody has deleted is the topic's, once it is made again after damage.
    try process.tenant.partitionedTopics["orders"]?.partitions[0].append(
      batch: ByteBuffer(string: "new"), form: 4, origin: .engine, count: 1, time: 5)
    process.settle()
    disk.crash(.process)
    disk.remove("data/journals/topics.journal")
    process = try Process(disk)
    _ = try process.tenant.partitionedTopics.create(settings)
    #expect(process.contents(0) == ["new/4@0+1"])
  }

  /// Nothing is read of which the next attempt would find only a little at hand.
  @Test func whoReadsThroughGetsAsMuchEachTimeAsWasAskedFor() throws {
    let disk = SimulatedDisk(seed: 4)
    var process = try Process(disk)
    let settings = PartitionedTopicSettings(
      name: "orders", topic: Array("shop.orders".utf8), partitions: 1)
    let written = try process.tenant.partitionedTopics.create(settings).partitions[0]
    let batch = ByteBuffer(repeating: 7, count: 40_000)
    for _ in 0..<100 {
      try written.append(batch: batch, form: 4, origin: .engine, count: 10, time: 5)
    }
    process.settle()
    disk.crash(.process)
    process = try Process(disk)
    let partition = try #require(process.tenant.partitionedTopics["orders"]?.partitions[0])
    let before = disk.bytesRead
    var offset: UInt64 = 0
    var rounds = 0
    while offset < 1_000 {
      rounds += 1
      _ = partition.prepare(offset, maxBytes: 400_000) {}
      while disk.isBusy { disk.answer() }
      let entries = partition.entries(from: offset, maxBytes: 400_000)
      offset = try #require(entries.last?.offsets.upperBound)
      // The disk is faster than the reader.
      while disk.isBusy { disk.answer() }
    }
    #expect(rounds <= 13)
    #expect(disk.bytesRead - before <= 4_100_000)
  }

  @Test func topicsAndTheirRecordsAreThereAgain() throws {
    let disk = SimulatedDisk(seed: 1)
    var process = try Process(disk)
    let topics = process.tenant.partitionedTopics
    var settings = PartitionedTopicSettings(
      name: "orders", topic: Array("shop.orders".utf8), partitions: 1)
    settings.ageMax = 9_000_000_000
    settings.bytesMax = 1 << 30
    settings.cleanup = [.delete, .compact]
    settings.tombstoneLife = 5
    settings.notes = ["id": "7", "a": ""]
    let topic = try topics.create(settings)
    try topics.addPartitions(topic, to: 2)
    settings.partitions = 2
    _ = try topics.create(PartitionedTopicSettings(name: "gone", topic: Array("gone".utf8)))
    topics.delete("gone")
    process.settle()
    try topic.partitions[1].append(
      batch: ByteBuffer(string: "abc"), form: 4, origin: .engine, count: 3, time: 5)
    process.tenant.publish(topic: Array("shop.orders".utf8), payload: Array("r".utf8))
    var isCommitted = false
    topic.partitions[1].whenCommitted(before: 3) { isCommitted = $0 == nil }
    #expect(!isCommitted)
    #expect(process.contents(1) == [])
    process.tenant.cursors.commit(["orders-1": (2, "n")], of: "g") { _ in }
    process.settle()
    #expect(isCommitted)
    topic.partitions[1].trim(before: 1)
    process.settle()
    disk.crash(.process)
    process = try Process(disk)
    #expect(process.tenant.partitionedTopics.all.map(\.settings) == [settings])
    #expect(process.contents(0) == ["r@0"])
    #expect(process.contents(1) == ["abc/4@0+3"])
    let partition = try #require(process.tenant.partitionedTopics["orders"]).partitions[1]
    #expect(partition.firstOffset == 1)
    #expect(partition.nextOffset == 3)
    #expect(partition.offset(forTime: 5) == 1)
    #expect(partition.latestTime == 5)
    #expect(process.tenant.cursors.position(of: "g", in: "orders-1")?.offset == 2)
    process.tenant.publish(topic: Array("shop.orders".utf8), payload: Array("s".utf8))
    process.settle()
    #expect(process.contents(0) == ["r@0", "s@1"])
    process.tenant.partitionedTopics.delete("orders")
    process.settle()
    process = try Process(disk)
    #expect(process.tenant.partitionedTopics.count == 0)
    #expect(try StoreInspection(folder: "data", disk: disk).logs() == [])
  }

  /// A position that was refused is seen by nobody, neither now nor later.
  @Test func positionsThatTheDiskRefusesLeaveNothing() throws {
    let disk = SimulatedDisk(seed: 7)
    var process = try Process(disk)
    var told: [Bool] = []
    func commit(_ offset: UInt64, _ note: String = "") {
      process.tenant.cursors.commit(["l": (offset, note)], of: "g") { told.append($0 == nil) }
      process.settle()
    }
    func position() -> UInt64? { process.tenant.cursors.position(of: "g", in: "l")?.offset }
    commit(1)
    let used = process.tenant.memory.used
    disk.faults.capacity = disk.usedBytes
    commit(2)
    process.tenant.cursors.removeAll(of: "g") { told.append($0 == nil) }
    process.settle()
    #expect(told == [true, false, false] && position() == 1)
    #expect(process.tenant.memory.used == used)
    disk.faults.capacity = .max
    // What comes later does not bring it back.
    process.tenant.cursors.commit(["m": (9, "")], of: "g") { told.append($0 == nil) }
    process.settle()
    #expect(told.last == true && position() == 1)
    disk.crash(.process)
    process = try Process(disk)
    #expect(process.tenant.cursors.positions(of: "g").mapValues(\.offset) == ["l": 1, "m": 9])
    // What is on its way while the journal is written anew is in the new file as well.
    let note = String(repeating: "x", count: 100_000)
    for offset: UInt64 in 10..<40 {
      for _ in 0..<2 {
        process.tenant.cursors.commit(["l": (offset, note)], of: "g") { told.append($0 == nil) }
      }
      if offset % 7 == 0 { process.settle() }
    }
    process.settle()
    #expect(position() == 39 && told.dropFirst(4).allSatisfy { $0 })
    #expect(disk.usedBytes < 3_000_000)
    disk.crash(.process)
    process = try Process(disk)
    #expect(position() == 39)
  }
}
