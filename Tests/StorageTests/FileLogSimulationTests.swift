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
    faults: SimulatedDisk.Faults = SimulatedDisk.Faults()
  ) throws {
    let world = try LogWorld(seed: seed, sync: sync)
    world.disk.faults = faults
    for _ in 0..<250 { try world.step(crashes) }
    world.settle()
    try world.checkAll()
    world.disk.faults = SimulatedDisk.Faults()
    try world.crash(.process)
    try world.checkAll()
  }

  private func runAll(
    _ count: Int, _ sync: StoreSettings.Sync, crashes: [SimulatedDisk.Crash],
    _ faults: (inout SimulatedDisk.Faults, inout SplitMix64) -> Void = { _, _ in }
  ) {
    for seed in Seeds.all(count) {
      do {
        var random = SplitMix64(seed: seed ^ 0xFA17)
        var own = SimulatedDisk.Faults()
        faults(&own, &random)
        try self.run(seed, sync, crashes: crashes, faults: own)
      } catch {
        Issue.record("seed \(seed): \(error)")
        return
      }
    }
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
