import Testing

@testable import GodwitEngine

@Suite struct OpenRecordsTests {
  private static func open(_ sequence: UInt64) -> StreamGroup.Open {
    StreamGroup.Open(sequence: sequence, deliveryCount: 1, deadline: 0, isReturned: false)
  }

  /// Whatever is handed out, done with, and comes back: a dictionary knows the same.
  @Test(arguments: 1...60 as ClosedRange<UInt64>)
  func itKnowsWhatADictionaryKnows(seed: UInt64) {
    var random = Random(seed: seed)
    var records = OpenRecords()
    var model: [UInt64: UInt64] = [:]
    var next = UInt64.random(in: 0...3, using: &random)
    let gap = UInt64.random(in: 1...4, using: &random)
    let room = Int.random(in: 1...300, using: &random)
    for step in 0..<2_000 as Range<UInt64> {
      let known = model.keys.sorted()
      let some = UInt64.random(in: 0...next + 2, using: &random)
      switch Int.random(in: 0..<10, using: &random) {
      case 0..<5 where model.count < room:
        records[next] = Self.open(step)
        model[next] = step
        next += UInt64.random(in: 1...gap, using: &random)
      case 0..<7:
        // Mostly the oldest ones.
        let least = Int.random(in: 0..<3, using: &random)
        let offset = least < known.count ? known[least] : some
        #expect(records.remove(offset)?.sequence == model.removeValue(forKey: offset))
      case 7:
        #expect(records.remove(some)?.sequence == model.removeValue(forKey: some))
      case 8:
        let offset = known.randomElement(using: &random) ?? some
        records[offset] = Self.open(step)
        model[offset] = step
      default:
        records[some] = Self.open(step)
        model[some] = step
        next = max(next, some + 1)
      }
      #expect(records[some]?.sequence == model[some])
      #expect(records.count == model.count)
      #expect(records.first?.offset == model.keys.min())
      guard step % 50 == 0 else { continue }
      let all = records.all.map { $0.offset }
      #expect(all == model.keys.sorted())
      #expect(all.allSatisfy { records[$0]?.sequence == model[$0] })
    }
  }

  @Test func theyMayComeInAnyOrder() {
    let records = OpenRecords([(offset: 9, Self.open(3)), (2, Self.open(1)), (5, Self.open(2))])
    #expect(records.all.map { $0.offset } == [2, 5, 9])
    #expect(records[5]?.sequence == 2)
    #expect(records[6] == nil)
    #expect(records.count == 3)
  }
}
