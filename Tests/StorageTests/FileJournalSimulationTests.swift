import GodwitEngine
import GodwitSimulator
import GodwitStorage
import GodwitWireTesting
import NIOCore
import Testing

/// Seeded lives of a journal whose owner counts: what it knows after a crash is what it knew at
/// some moment, and not earlier than the last one that was confirmed.
@Suite struct FileJournalSimulationTests {
  private final class World {
    let disk: SimulatedDisk
    var random: SplitMix64
    var engine = Engine(now: 1)
    var store: FileStore!
    var journal: (any Journal)!
    var turns: [() -> Void] = []
    var count: UInt64 = 0
    var confirmed: UInt64 = 0
    let settings: StoreSettings
    var snapshots = 0
    /// How many steps of 20 ask for a snapshot, in place of an entry.
    let replacing: Int

    init(seed: UInt64, _ sync: StoreSettings.Sync, replacing: Int) throws {
      self.replacing = replacing
      self.random = SplitMix64(seed: seed)
      self.disk = SimulatedDisk(seed: self.random.next())
      var settings = StoreSettings()
      settings.sync = sync
      self.settings = settings
      try self.open()
    }

    func open() throws {
      self.engine = Engine(now: self.engine.now)
      self.turns = []
      var salts = SplitMix64(seed: self.random.next())
      self.store = try FileStore(
        folder: "data", disk: self.disk, engine: self.engine, settings: self.settings,
        makeSalt: { UInt32(truncatingIfNeeded: salts.next()) },
        atTurnEnd: { [unowned self] in self.turns.append($0) }, report: { _ in })
      self.journal = try self.store.journal(named: "a/journal")
      if self.random.oneIn(2) { self.journal.goFirst() }
      var found: UInt64 = 0
      var isBroken = false
      try self.journal.replay { entry in
        var entry = entry
        switch (entry.readInteger(as: UInt8.self), entry.readInteger(as: UInt64.self)) {
        case (1, let total?): found = total
        case (2, let next?):
          if next != found + 1 { isBroken = true }
          found = next
        default: isBroken = true
        }
      }
      guard !isBroken, found >= self.confirmed, found <= self.count else {
        throw LogWorld.Failure(
          description: "\(found) of \(self.count) are there, \(self.confirmed) were confirmed")
      }
      self.count = found
      self.confirmed = found
    }

    func crash(_ kind: SimulatedDisk.Crash) throws {
      self.disk.crash(kind)
      let faults = self.disk.faults
      self.disk.faults = SimulatedDisk.Faults()
      if kind == .power, self.settings.sync != .always { self.confirmed = 0 }
      try self.open()
      self.disk.faults = faults
    }

    private func replace() {
      var entry = ByteBuffer(integer: UInt8(1))
      entry.writeInteger(self.count)
      self.journal.replace(with: [entry])
    }

    func step(_ crashes: [SimulatedDisk.Crash]) throws {
      switch Int.random(in: 0..<20, using: &self.random) {
      case 0..<self.replacing: self.replace()
      case 0..<8:
        self.count += 1
        var entry = ByteBuffer(integer: UInt8(2))
        entry.writeInteger(self.count)
        self.journal.append(entry)
        let count = self.count
        self.journal.whenCommitted { [unowned self] error in
          if error == nil { self.confirmed = max(self.confirmed, count) }
        }
      case 8..<13:
        let turns = self.turns
        self.turns = []
        for turn in turns { turn() }
      case 13..<17: self.disk.answer()
      case 17:
        guard self.journal.wantsSnapshot || self.snapshots % 2 == 0 else {
          self.snapshots += 1
          return
        }
        self.snapshots += 1
        self.replace()
      case 18:
        self.engine.advance(to: self.engine.now + 400_000_000)
        _ = self.engine.timers.fireDue()
      default:
        if let kind = crashes.randomElement(using: &self.random), self.random.oneIn(2) {
          try self.crash(kind)
        }
      }
    }
  }

  private func runAll(
    _ sync: StoreSettings.Sync, _ crashes: [SimulatedDisk.Crash], replacing: Int = 0,
    _ faults: (inout SimulatedDisk.Faults, inout SplitMix64) -> Void = { _, _ in }
  ) {
    for seed in Seeds.all(400) {
      do {
        let world = try World(seed: seed, sync, replacing: replacing)
        var random = SplitMix64(seed: seed ^ 0xFA17)
        faults(&world.disk.faults, &random)
        for _ in 0..<200 { try world.step(crashes) }
        try world.crash(crashes[0])
      } catch {
        Issue.record("seed \(seed): \(error)")
        return
      }
    }
  }

  @Test func whatWasConfirmedIsThere() {
    self.runAll(.always, [.power, .process])
    self.runAll(.interval(1_000_000_000), [.process])
    self.runAll(.never, [.process])
  }

  @Test func aFullDiskLosesNothing() {
    self.runAll(.always, [.power, .process]) { faults, random in
      faults.capacity = Int.random(in: 100...600, using: &random)
    }
  }

  @Test func failuresLoseNothing() {
    self.runAll(.always, [.power, .process]) { faults, random in
      faults.failingWrites = Int.random(in: 5...60, using: &random)
      faults.failingSyncs = Int.random(in: 20...100, using: &random)
    }
  }

  /// One that is given up, for a write to it failed, is followed by another: its answer must not be
  /// taken for the other's.
  @Test func aSnapshotIsSafeBeforeItTakesAPlace() {
    self.runAll(.always, [.power], replacing: 4) { faults, random in
      faults.failingWrites = Int.random(in: 3...8, using: &random)
    }
  }
}
