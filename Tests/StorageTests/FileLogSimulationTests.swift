import FoundationEssentials
import GodwitEngine
import GodwitSimulator
import GodwitStorage
import GodwitWireTesting
import Testing

/// Seeded lives of a log, with crashes between any two steps. A failing seed is named, and replayed
/// by asking for it alone: `GODWIT_SIMULATOR_SEED`.
@Suite struct FileLogSimulationTests {
  private func run(
    _ seed: UInt64, _ sync: StoreSettings.Sync, crashes: [SimulatedDisk.Crash],
    faults: SimulatedDisk.Faults = SimulatedDisk.Faults(), removing: Int = 0
  ) throws -> UInt64 {
    let world = try LogWorld(seed: seed, sync: sync) {
      $0.compactionDelay = 1
      // In some lives everything is written elsewhere, in some nothing.
      $0.elsewhereBytesMin = [0, 100, 400, .max][Int(seed % 4)]
    }
    world.disk.faults = faults
    world.keepsMarks = faults == SimulatedDisk.Faults()
    world.removing = removing
    for _ in 0..<250 { try world.step(crashes) }
    world.settle()
    try world.checkAll()
    world.disk.faults = SimulatedDisk.Faults()
    let (count, bytes) = (world.log.count, world.log.byteCount)
    try world.crash(.process)
    try world.checkAll()
    if faults == SimulatedDisk.Faults(), (count, bytes) != (world.log.count, world.log.byteCount) {
      throw LogWorld.Failure(
        description: "\(count) records of \(bytes) bytes became \(world.log.count) of"
          + " \(world.log.byteCount) by a start")
    }
    return world.compactions
  }

  private func runAll(
    _ count: Int, _ sync: StoreSettings.Sync, crashes: [SimulatedDisk.Crash], removing: Int = 0,
    _ faults: (inout SimulatedDisk.Faults, inout SplitMix64) -> Void = { _, _ in }
  ) {
    var compactions: UInt64 = 0
    let seeds = Seeds.all(count)
    for seed in seeds {
      do {
        var random = SplitMix64(seed: seed ^ 0xFA17)
        var own = SimulatedDisk.Faults()
        faults(&own, &random)
        compactions += try self.run(
          seed, sync, crashes: crashes, faults: own, removing: removing)
      } catch {
        Issue.record("seed \(seed): \(error)")
        return
      }
    }
    // Else the lives say nothing of what they are for.
    #expect(removing == 0 || seeds.count < 100 || compactions > seeds.count / 20)
  }

  @Test func whatWasSyncedSurvivesTheLossOfPower() {
    self.runAll(400, .always, crashes: [.power, .process])
  }

  @Test func whatWasWrittenSurvivesTheEndOfTheProcess() {
    self.runAll(400, .never, crashes: [.process])
    self.runAll(400, .interval(1_000_000_000), crashes: [.process, .power])
  }

  @Test func aDiskThatIsFullRefusesAndLosesNothing() {
    self.runAll(400, .always, crashes: [.power, .process]) { faults, random in
      faults.capacity = Int.random(in: 1_000...4_000, using: &random)
    }
  }

  @Test func writesAndReadsThatFailLoseNothing() {
    self.runAll(400, .always, crashes: [.power, .process]) { faults, random in
      faults.failingWrites = Int.random(in: 5...60, using: &random)
    }
  }

  @Test func segmentsAreWrittenAnewWithoutLoss() {
    self.runAll(300, .always, crashes: [.power, .process], removing: 5)
    self.runAll(150, .interval(1_000_000_000), crashes: [.process, .power], removing: 5)
    self.runAll(150, .never, crashes: [.process], removing: 5)
  }

  @Test func soTheyAreOnADiskThatIsFullOrFails() {
    self.runAll(200, .always, crashes: [.power, .process], removing: 5) { faults, random in
      faults.capacity = Int.random(in: 2_000...6_000, using: &random)
    }
    self.runAll(200, .always, crashes: [.power, .process], removing: 5) { faults, random in
      faults.failingWrites = Int.random(in: 5...60, using: &random)
    }
    self.runAll(120, .always, crashes: [.power], removing: 5) { faults, random in
      faults.failingSyncs = Int.random(in: 10...60, using: &random)
    }
  }

  @Test func aSyncThatFailsConfirmsNothing() {
    self.runAll(400, .always, crashes: [.power]) { faults, random in
      faults.failingSyncs = Int.random(in: 5...40, using: &random)
    }
  }
}

enum Seeds {
  /// The seeds of a run: as many as the test asks for, or the one that is to be looked at.
  static func all(_ count: Int) -> [UInt64] {
    let named = ProcessInfo.processInfo.environment["GODWIT_SIMULATOR_SEED"]
    if let one = named.flatMap({ UInt64($0) }) { return [one] }
    let first = FuzzEffort.seed(1)
    return Array(first..<first + UInt64(FuzzEffort.rounds(count)))
  }
}
