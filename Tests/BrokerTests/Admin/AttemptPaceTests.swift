import Testing

@testable import GodwitBroker

@Suite struct AttemptPaceTests {
  private static let second: Int64 = 1_000_000_000

  @Test func aSecondsWorthComesAtOnceAndTheRestInTurn() {
    var pace = AttemptPace()
    let waits = (0..<36).map { _ in pace.take("a", perSecond: 10, now: 50 * Self.second) }
    #expect(waits.prefix(10).allSatisfy { $0 == 0 })
    #expect(waits[10] == Self.second / 10)
    #expect(waits[11] == Self.second / 5)
    #expect(waits[35] == 26 * Self.second / 10)
    // Another address does not stand in that line.
    #expect(pace.take("b", perSecond: 10, now: 50 * Self.second) == 0)
  }

  @Test func aLineHasAnEndAndGoesOn() {
    var pace = AttemptPace()
    let taken = (0..<1_000).filter { _ in pace.take("a", perSecond: 10, now: 0) != nil }
    #expect(taken.count == 40)
    #expect(pace.take("a", perSecond: 10, now: Self.second / 10) != nil)
    #expect(pace.take("a", perSecond: 10, now: Self.second / 10) == nil)
    #expect(pace.take("a", perSecond: 10, now: 100 * Self.second) == 0)
  }

  @Test func allAddressesTogetherAreBoundedToo() {
    var pace = AttemptPace()
    var taken = 0
    for number in 0..<100_000 where pace.take("a\(number)", perSecond: 10, now: 0) != nil {
      taken += 1
    }
    #expect(taken == 400)
    #expect(pace.addressCount <= AttemptPace.addressesMax + 1)
  }

  @Test func addressesAreForgottenAndFurtherOnesShareALine() {
    var pace = AttemptPace()
    for number in 0..<5_000 {
      _ = pace.take("a\(number)", perSecond: 1_000, now: 0)
    }
    #expect(pace.addressCount == AttemptPace.addressesMax + 1)
    _ = pace.take("b", perSecond: 1_000, now: 60 * Self.second)
    #expect(pace.addressCount == 1)
  }

  @Test(arguments: [0, -1, .infinity, .nan, 1e300] as [Double])
  func noRateTraps(perSecond: Double) {
    var pace = AttemptPace()
    _ = pace.take("a", perSecond: perSecond, now: 0)
    _ = pace.take("a", perSecond: perSecond, now: .max / 2)
  }
}
