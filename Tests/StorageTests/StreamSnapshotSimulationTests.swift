import GodwitEngine
import GodwitPrimitives
import GodwitSimulator
import GodwitStorage
import GodwitWireTesting
import NIOCore
import Testing

/// Seeded lives of a stream on a disk that fails and loses power: after every start it knows
/// exactly what its log holds, whatever became of its snapshots.
struct StreamSnapshotSimulationTests {
  private final class World {
    struct Failure: Error, CustomStringConvertible {
      let description: String
    }

    let disk: SimulatedDisk
    private(set) var random: SplitMix64
    private let settings: StoreSettings
    private var engine = Engine(now: 1_000_000_000)
    private var store: FileStore!
    private(set) var stream: GodwitEngine.Stream!
    private var turns: [() -> Void] = []
    private var published = 0
    /// Over all starts: how many records there were, and how many were read.
    private(set) var held = 0
    private(set) var read = 0
    /// Whether every other start cannot read everything, and over all of them how many records.
    var failsReadsAtStart = false
    private(set) var unread = 0

    private static let topics = (0..<6).map { TopicPattern(canonical: Array("a.\($0)".utf8)) }

    init(seed: UInt64, sync: StoreSettings.Sync) throws {
      self.random = SplitMix64(seed: seed)
      self.disk = SimulatedDisk(seed: self.random.next())
      var settings = StoreSettings()
      settings.sync = sync
      settings.segmentBytesMax = Int.random(in: 300...4_000, using: &self.random)
      settings.blockBytes = Int.random(in: 64...600, using: &self.random)
      settings.cacheBytesMax = Int.random(in: 64...4_000, using: &self.random)
      settings.elsewhereBytesMin = self.random.oneIn(2) ? 0 : 400
      // Segments are written anew all the time.
      settings.compactionDelay = 1
      self.settings = settings
      try self.open()
      var stream = StreamSettings(
        name: "s", patterns: [TopicPattern(canonical: Array("a.*".utf8))])
      stream.recordsMax = [0, 0, 25].randomElement(using: &self.random) ?? 0
      stream.recordsPerTopicMax = [0, 0, 4].randomElement(using: &self.random) ?? 0
      stream.ageMax = [0, 0, 3_000_000_000].randomElement(using: &self.random) ?? 0
      self.stream = try self.tenant.streams.create(stream)
      // Its definition is not what is at stake here.
      self.settle()
      self.tick(2_000_000_000)
      self.settle()
    }

    private var tenant: Tenant { self.engine.tenant(named: "t") }

    private func open() throws {
      self.engine = Engine(now: self.engine.now)
      self.turns = []
      var salts = SplitMix64(seed: self.random.next())
      self.store = try FileStore(
        folder: "data", disk: self.disk, engine: self.engine, settings: self.settings,
        makeSalt: { UInt32(truncatingIfNeeded: salts.next()) },
        atTurnEnd: { [unowned self] in self.turns.append($0) }, report: { _ in })
      self.tenant.store = self.store
      if let failed = try self.tenant.streams.restore().first { throw failed.error }
      self.stream = self.tenant.streams["s"]
    }

    func crash(_ kind: SimulatedDisk.Crash) throws {
      self.disk.crash(kind)
      let faults = self.disk.faults
      self.disk.faults = SimulatedDisk.Faults()
      if self.failsReadsAtStart, self.random.oneIn(2) {
        // A start that cannot read everything; the life behind it ends soon.
        self.disk.faults.failingReads = Int.random(in: 2...12, using: &self.random)
        self.stream = nil
        try? self.open()
        self.disk.faults = SimulatedDisk.Faults()
        if self.stream != nil {
          self.unread += self.stream.unreadOffsets.reduce(0) { $0 + $1.count }
          if !self.stream.isInexact { try self.check() }
          for _ in 0..<20 { try self.step([]) }
          self.settle()
          self.snapshot()
          // Time and limits may have come upon what could not be read.
          if !self.stream.isInexact { try self.check() }
        }
        self.disk.crash(.process)
      }
      try self.open()
      guard self.stream != nil else { throw Failure(description: "the stream is gone") }
      self.held += self.stream.count
      self.read += self.stream.recordsReadAtStart
      try self.check()
      self.disk.faults = faults
    }

    /// Lets everything that is under way come to its end.
    func settle() {
      for _ in 0..<200 {
        self.endTurn()
        while self.disk.isBusy { self.disk.answer() }
        if self.turns.isEmpty { return }
      }
    }

    private func endTurn() {
      let turns = self.turns
      self.turns = []
      for turn in turns { turn() }
    }

    func step(_ crashes: [SimulatedDisk.Crash]) throws {
      switch Int.random(in: 0..<40, using: &self.random) {
      case 0..<14: self.publish()
      case 14..<22: self.endTurn()
      case 22..<28: self.disk.answer()
      case 28..<32: try self.delete()
      case 32: if self.random.oneIn(2) { try self.purge() }
      case 33..<36: self.tenant.streams.takeSnapshots()
      case 36: self.tick(400_000_000)
      case 37: self.settle()
      default:
        guard let kind = crashes.randomElement(using: &self.random) else { return }
        try self.crash(kind)
      }
    }

    private func snapshot() {
      self.tenant.streams.takeSnapshots()
      self.settle()
    }

    private func tick(_ nanoseconds: Int64) {
      self.engine.advance(to: self.engine.now + nanoseconds)
      _ = self.engine.timers.fireDue()
    }

    private func publish() {
      self.published += 1
      let topic = Int.random(in: 0..<Self.topics.count, using: &self.random)
      let text = "\(self.published)" + String(repeating: "x", count: self.published % 50)
      self.tenant.publish(topic: Self.topics[topic].bytes, payload: Array(text.utf8))
    }

    private func delete() throws {
      guard self.stream.committedOffset > self.stream.firstOffset else { return }
      let offset = UInt64.random(
        in: self.stream.firstOffset..<self.stream.committedOffset, using: &self.random)
      try self.stream.delete(offset) { _ in }
    }

    private func purge() throws {
      var purge = GodwitEngine.Stream.Purge()
      if self.random.oneIn(2) { purge.pattern = Self.topics.randomElement(using: &self.random) }
      purge.keeping = Int.random(in: 0...2, using: &self.random)
      try self.stream.purge(purge) { _ in }
    }

    /// What the stream knows is what its log holds.
    private func check() throws {
      // Limits that wait for a record to be read go on first.
      while self.disk.isBusy { self.disk.answer() }
      let stream: GodwitEngine.Stream = self.stream
      var held: [(offset: UInt64, record: Record)] = []
      for offset in stream.firstOffset..<max(stream.firstOffset, stream.committedOffset) {
        var answer: Record??
        stream.withRecord(at: offset) { answer = .some($0) }
        while answer == nil, self.disk.isBusy { self.disk.answer() }
        // What a start could not read counts for nothing, although it may be read now.
        let isUnread = stream.unreadOffsets.contains { $0.contains(offset) }
        if !isUnread, let record = answer ?? nil { held.append((offset, record)) }
      }
      func demand<Value: Equatable>(_ what: String, _ got: Value, _ expected: Value) throws {
        guard got == expected else {
          throw Failure(description: "\(what): \(got), and not \(expected)")
        }
      }
      try demand("records", stream.count, held.count)
      try demand(
        "bytes", stream.byteCount,
        held.reduce(0) { $0 + 16 + $1.record.topic.count + $1.record.body.readableBytes })
      for topic in Self.topics {
        let own = held.filter { $0.record.topic == topic.bytes }
        try demand("records of \(topic)", stream.count(topic), own.count)
        try demand("the last of \(topic)", stream.lastOffset(topic), own.last?.offset)
        var first: UInt64?
        stream.findNext(topic, from: 0) { first = $0?.offset }
        while first == nil, self.disk.isBusy { self.disk.answer() }
        if !stream.unreadOffsets.isEmpty { continue }
        try demand("the first of \(topic)", first, own.first?.offset)
      }
    }
  }

  private func runAll(
    _ count: Int, _ sync: StoreSettings.Sync, crashes: [SimulatedDisk.Crash],
    failsReadsAtStart: Bool = false,
    _ faults: (inout SimulatedDisk.Faults, inout SplitMix64) -> Void = { _, _ in }
  ) {
    var held = 0
    var read = 0
    var unread = 0
    for seed in Seeds.all(count) {
      do {
        let world = try World(seed: seed, sync: sync)
        world.failsReadsAtStart = failsReadsAtStart
        var random = SplitMix64(seed: seed ^ 0xFA17)
        faults(&world.disk.faults, &random)
        for _ in 0..<200 { try world.step(crashes) }
        world.disk.faults = SimulatedDisk.Faults()
        world.settle()
        try world.crash(.process)
        held += world.held
        read += world.read
        unread += world.unread
      } catch {
        Issue.record("seed \(seed): \(error)")
        return
      }
    }
    // Else the snapshots are good for nothing.
    #expect(read < held, "\(read) of \(held) records were read")
    #expect(unread > 0 || !failsReadsAtStart)
  }

  @Test func aStartKnowsWhatTheLogHolds() {
    self.runAll(150, .always, crashes: [.power, .process])
    self.runAll(150, .interval(1_000_000_000), crashes: [.power, .process])
    self.runAll(100, .never, crashes: [.process])
  }

  @Test func soItDoesOnADiskThatIsFullOrFails() {
    self.runAll(150, .always, crashes: [.power, .process]) { faults, random in
      faults.capacity = Int.random(in: 3_000...9_000, using: &random)
    }
    self.runAll(150, .always, crashes: [.power, .process]) { faults, random in
      faults.failingWrites = Int.random(in: 5...60, using: &random)
    }
    self.runAll(100, .always, crashes: [.power]) { faults, random in
      faults.failingSyncs = Int.random(in: 5...40, using: &random)
    }
  }

  @Test func aStartThatCannotReadEverythingLeavesNothingWrong() {
    self.runAll(300, .always, crashes: [.power, .process], failsReadsAtStart: true)
    self.runAll(150, .interval(1_000_000_000), crashes: [.process], failsReadsAtStart: true)
    self.runAll(150, .always, crashes: [.power, .process], failsReadsAtStart: true) {
      faults, random in faults.failingReads = Int.random(in: 5...60, using: &random)
    }
  }

  @Test func anOrderlyStartReadsNothing() throws {
    let world = try World(seed: 1, sync: .always)
    for _ in 0..<300 { try world.step([]) }
    world.settle()
    try world.crash(.process)
    world.stream.tenant.streams.takeSnapshots()
    world.settle()
    try world.crash(.process)
    #expect(world.stream.count > 0)
    #expect(world.stream.recordsReadAtStart == 0)
  }
}
