import GodwitEngine
import GodwitWireTesting
import KafkaWire
import NIOCore
import Testing

@testable import KafkaFrontEnd

/// Members that take, answer, give back, fall silent and lose their broker, in any order.
@Suite struct KafkaSharePropertyTests {
  private static var members: [String] { ["a", "b", "c"] }

  /// What a member was told is done with does not come again, nothing is lent twice at a time, and
  /// in the end all has been done with.
  @Test(arguments: 0..<UInt64(60)) func nothingComesAgain(seed: UInt64) throws {
    var random = SplitMix64(seed: seed)
    let rig = try ShareGroupRig(partitions: 1)
    rig.values.shareDeliveriesMax = 1_000
    rig.values.shareLocksMax = Int.random(in: 5...80, using: &random)
    rig.store.wantsSnapshots = Bool.random(using: &random)
    rig.beat("a")
    try rig.append(100)
    var done: Set<Int> = []
    var held: [Int: String] = [:]
    for _ in 0..<150 {
      try step(rig, &done, &held, &random)
      #expect(done.isDisjoint(with: held.keys), "seed \(seed)")
    }
    try rig.restart()
    rig.beat("z")
    for _ in 0..<200 where try rig.partition().window.start < 100 {
      let window = try rig.partition().window
      guard let next = window.available(from: 0), next.lowerBound < 100 else { break }
      for offset in try rig.lend(next.lowerBound..<min(next.upperBound, 100), to: "z") {
        #expect(done.insert(offset).inserted, "seed \(seed), \(offset)")
        #expect(try rig.say([1], from: Int64(offset), by: "z") == .noError)
      }
    }
    #expect(done.count == 100, "seed \(seed)")
    #expect(try rig.partition().window.start == 100, "seed \(seed)")
  }

  private func step(
    _ rig: ShareGroupRig, _ done: inout Set<Int>, _ held: inout [Int: String],
    _ random: inout SplitMix64
  ) throws {
    let member = Self.members.randomElement(using: &random) ?? "a"
    switch Int.random(in: 0..<12, using: &random) {
    case 0..<4:
      guard let next = try rig.partition().window.available(from: 0), next.lowerBound < 100 else {
        return
      }
      let count = UInt64.random(in: 1...15, using: &random)
      let end = min(next.upperBound, 100, next.lowerBound + count)
      for offset in try rig.lend(next.lowerBound..<end, to: member) {
        #expect(!done.contains(offset) && held[offset] == nil)
        held[offset] = member
      }
    case 4..<9:
      guard let first = held.filter({ $0.value == member }).keys.min() else { return }
      var last = first
      while held[last + 1] == member, Int.random(in: 0..<6, using: &random) > 0 { last += 1 }
      let kinds: [Int8] = (first...last).map { _ in
        [0, 1, 1, 2, 3].randomElement(using: &random) ?? 1
      }
      #expect(try rig.say(kinds, from: Int64(first), by: member) == .noError)
      for (offset, kind) in zip(first...last, kinds) {
        held[offset] = nil
        if kind != 2 { done.insert(offset) }
      }
    case 9:
      rig.groups.close(.init(group: "g", member: member), isHeard: Bool.random(using: &random))
      held = held.filter { $0.value != member }
    case 10:
      // Longer than any lock.
      rig.clock.pass(1_001)
      held = [:]
    default:
      try rig.restart()
      held = [:]
    }
  }
}
