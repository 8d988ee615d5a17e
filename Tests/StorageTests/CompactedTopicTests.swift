import GodwitEngine
import GodwitSimulator
import GodwitStorage
import GodwitWireTesting
import NIOCore
import Testing

/// Topics that keep the last record of each key, on a file store: what is there, and what room it
/// takes.
struct CompactedTopicTests {
  /// Batches of words `place:key=value`, a place in the batch each.
  private final class Keeper: BatchKeeper {
    static func words(_ bytes: ByteBuffer) -> [(place: UInt64, key: String, value: String)] {
      String(buffer: bytes).split(separator: " ").compactMap { word in
        let parts = word.split(omittingEmptySubsequences: false) { ":=".contains($0) }
        guard parts.count == 3, let place = UInt64(parts[0]) else { return nil }
        return (place, String(parts[1]), String(parts[2]))
      }
    }

    func forEachKey(
      of bytes: ByteBuffer, form: UInt8, first: UInt64,
      _ body: (_ offset: UInt64, _ key: UnsafeRawBufferPointer, _ isGone: Bool) -> Void
    ) -> Bool {
      for word in Self.words(bytes) {
        Array(word.key.utf8).withUnsafeBytes { body(first + word.place, $0, word.value.isEmpty) }
      }
      return true
    }

    func trim(
      _ bytes: ByteBuffer, form: UInt8, first: UInt64, _ isLeft: (UInt64) -> Bool
    ) -> ByteBuffer? {
      let left = Self.words(bytes).filter { isLeft(first + $0.place) }
      return ByteBuffer(
        string: left.map { "\($0.place):\($0.key)=\($0.value)" }.joined(separator: " "))
    }
  }

  private final class Process {
    let disk: SimulatedDisk
    let engine: Engine
    let store: FileStore
    let partition: Partition
    private let keeper = Keeper()
    private final class Turns {
      var bodies: [() -> Void] = []
    }
    private let turns = Turns()

    init(_ disk: SimulatedDisk, now: Int64 = 1_000_000_000) throws {
      self.disk = disk
      self.engine = Engine(now: now)
      var settings = StoreSettings()
      settings.sync = .always
      settings.segmentBytesMax = 8 << 10
      settings.blockBytes = 1 << 10
      settings.elsewhereBytesMin = 2 << 10
      let turns = self.turns
      self.store = try FileStore(
        folder: "data", disk: disk, engine: self.engine, settings: settings,
        atTurnEnd: { turns.bodies.append($0) }, report: { _ in })
      let tenant = self.engine.tenant(named: "a")
      tenant.store = self.store
      let topics = tenant.partitionedTopics
      topics.keeper = self.keeper
      #expect(try topics.restore().isEmpty)
      if let topic = topics["t"] {
        self.partition = topic.partitions[0]
      } else {
        var settings = PartitionedTopicSettings(name: "t", topic: Array("top.t".utf8))
        settings.cleanup = .compact
        settings.tombstoneLife = 10_000_000_000
        self.partition = try topics.create(settings).partitions[0]
      }
      self.settle()
    }

    func settle() {
      for _ in 0..<100 {
        let bodies = self.turns.bodies
        self.turns.bodies = []
        for body in bodies { body() }
        while self.disk.isBusy { self.disk.answer() }
        if self.turns.bodies.isEmpty { return }
      }
    }

    func advance(by nanoseconds: Int64) {
      // In steps, for what waits a moment between two of its own.
      for _ in 0..<20 {
        self.engine.advance(to: self.engine.now + nanoseconds / 20)
        _ = self.engine.timers.fireDue()
        self.settle()
      }
    }

    /// All that a reader gets, by offset.
    func contents() -> [(offset: UInt64, key: String, value: String)] {
      var all: [(offset: UInt64, key: String, value: String)] = []
      for entry in self.partition.entries(from: 0, maxBytes: .max) {
        guard case .batch(let bytes, _, let first, _) = entry else { continue }
        for word in Keeper.words(bytes) { all.append((first + word.place, word.key, word.value)) }
      }
      return all
    }
  }

  @Test(arguments: 1...12 as ClosedRange<UInt64>)
  func theLastOfEachKeyStaysAndTheRestGivesItsRoomBack(seed: UInt64) throws {
    var random = SplitMix64(seed: seed)
    let disk = SimulatedDisk(seed: random.next())
    var process = try Process(disk)
    var last: [String: (offset: UInt64, value: String)] = [:]
    var number = 0
    for round in 0..<1_500 {
      let first = process.partition.nextOffset
      var words: [String] = []
      for place in 0..<Int.random(in: 1...8, using: &random) {
        number += 1
        let key = "k\(Int.random(in: 0..<60, using: &random))"
        // Ten keys go, and come no more.
        let isLate = number > 3_000 && key.hasSuffix("7")
        let value = isLate ? "" : "v\(number)"
        words.append("\(place):\(key)=\(value)")
        last[key] = (first + UInt64(place), value)
      }
      try process.partition.append(
        batch: ByteBuffer(string: words.joined(separator: " ")), origin: .engine,
        count: words.count, time: 1)
      if round % 20 == 0 { process.settle() }
      if round % 100 == 99 { process.advance(by: 12_000_000_000) }
      if round % 400 == 399 {
        process.settle()
        disk.crash(seed % 2 == 0 ? .power : .process)
        process = try Process(disk, now: process.engine.now)
      }
    }
    process.settle()
    let end = process.partition.nextOffset
    for _ in 0..<8 { process.advance(by: 12_000_000_000) }
    let sealed = process.partition.log.sealedOffset
    #expect(process.partition.nextOffset == end)
    let contents = process.contents()
    #expect(contents.map(\.offset) == contents.map(\.offset).sorted())
    // Of each key the last is there, and is the last that a reader gets.
    var read: [String: (offset: UInt64, value: String)] = [:]
    for record in contents { read[record.key] = (record.offset, record.value) }
    for (key, record) in last where !(record.value.isEmpty && record.offset < sealed) {
      #expect(read[key]?.offset == record.offset)
      #expect(read[key]?.value == record.value)
    }
    #expect(contents.count < 700)
    #expect(process.store.compactionCount > 0)
    #expect(disk.usedBytes < 60_000)
  }

  @Test(arguments: [SimulatedDisk.Crash.process, .power])
  func compactionLeavesWhereThePartitionBegins(crash: SimulatedDisk.Crash) throws {
    let disk = SimulatedDisk(seed: 9)
    var process = try Process(disk)
    func fill() throws {
      for round in 0..<100 {
        let words = (0..<8).map { "\($0):k\($0)=\(round)\(String(repeating: "v", count: 60))" }
        try process.partition.append(
          batch: ByteBuffer(string: words.joined(separator: " ")), origin: .engine, count: 8,
          time: 1)
        if round % 20 == 0 { process.settle() }
      }
      process.settle()
      for _ in 0..<4 { process.advance(by: 12_000_000_000) }
    }
    func expectStart(_ offset: UInt64, firstAtLeast first: UInt64) throws {
      for _ in 0..<2 {
        #expect(process.partition.startOffset == offset)
        #expect(process.partition.firstOffset >= first)
        process.settle()
        disk.crash(crash)
        process = try Process(disk, now: process.engine.now)
      }
    }
    try fill()
    try expectStart(0, firstAtLeast: 100)
    // Where nothing is any more.
    process.partition.trim(before: 50)
    process.partition.trim(before: 40)
    try expectStart(50, firstAtLeast: 100)
    let cut = process.partition.firstOffset + 3
    process.partition.trim(before: cut)
    try expectStart(cut, firstAtLeast: cut)
    try fill()
    try expectStart(cut, firstAtLeast: cut + 100)
    // An earlier version has not said where it begins.
    disk.remove("data/logs/t-0/removed.journal")
    disk.crash(.process)
    process = try Process(disk, now: process.engine.now)
    let first = process.partition.firstOffset
    try expectStart(first, firstAtLeast: cut)
    process.partition.log.remove(at: first)
    try expectStart(first, firstAtLeast: first + 1)
  }

  @Test func whereItBeginsOutlivesASnapshotOfTheMarks() throws {
    let disk = SimulatedDisk(seed: 3)
    var process = try Process(disk)
    for _ in 0..<50 {
      try process.partition.append(
        batch: ByteBuffer(string: "0:a=b"), origin: .engine, count: 2_000, time: 1)
    }
    process.settle()
    process.partition.trim(before: 7)
    for offset in stride(from: 8, to: 100_000 as UInt64, by: 2) {
      process.partition.log.remove(at: offset)
      if offset % 20_000 == 0 { process.settle() }
    }
    for _ in 0..<3 {
      process.partition.log.remove(at: process.partition.firstOffset)
      process.settle()
    }
    disk.crash(.power)
    process = try Process(disk, now: process.engine.now)
    #expect(process.partition.startOffset == 7)
    #expect(process.partition.firstOffset == 13)
  }

  @Test func whatIsDeletedGoesThoughItsFileIsMostlyAlive() throws {
    let disk = SimulatedDisk(seed: 5)
    let process = try Process(disk)
    func append(_ words: [String]) throws {
      try process.partition.append(
        batch: ByteBuffer(string: words.joined(separator: " ")), origin: .engine,
        count: words.count, time: 1)
    }
    try append(
      ["0:gone=secret"] + (1..<60).map { "\($0):live\($0)=\(String(repeating: "v", count: 90))" })
    try append(["0:gone="])
    for round in 0..<400 {
      try append((0..<4).map { "\($0):fill\($0)=\(round)\(String(repeating: "f", count: 40))" })
      if round % 20 == 0 { process.settle() }
    }
    process.settle()
    for _ in 0..<12 { process.advance(by: 12_000_000_000) }
    let contents = process.contents()
    #expect(contents.filter { $0.key == "gone" }.isEmpty)
    #expect(contents.filter { $0.key.hasPrefix("live") }.count == 59)
    #expect(process.partition.log.next(from: 0) == 1)
  }
}
