import GodwitWireTesting
import Testing

@testable import GodwitCLI

@Suite struct LatencyHistogramTests {
  @Test func isEmptyAtFirst() {
    let histogram = LatencyHistogram()
    #expect(histogram.count == 0)
    #expect(histogram.quantile(0.5) == 0)
    #expect(histogram.mean == 0)
    #expect(histogram.doublings.isEmpty)
  }

  @Test func countsEveryDurationThereIs() {
    var histogram = LatencyHistogram()
    let values: [UInt64] = [0, 1, 63, 64, 127, 128, 1 << 40, .max - 1, .max]
    for value in values { histogram.record(value) }
    #expect(histogram.count == 9)
    #expect(histogram.min == 0)
    #expect(histogram.max == .max)
    #expect(histogram.quantile(1) == .max)
    #expect(histogram.quantile(0) == 0)
    #expect(histogram.doublings.map(\.count).reduce(0, +) == 9)
  }

  @Test(arguments: [1, 2, 3, 4] as [UInt64])
  func quantilesAreExactToOnePartInSixtyFour(seed: UInt64) {
    var random = SplitMix64(seed: seed)
    var histogram = LatencyHistogram()
    var values: [UInt64] = []
    for _ in 0..<5_000 {
      let value = random.next() >> (random.next() % 60)
      values.append(value)
      histogram.record(value)
    }
    values.sort()
    for share in [0.001, 0.1, 0.5, 0.9, 0.99, 0.999, 1] {
      let rank = max(1, Int((share * 5_000).rounded(.up)))
      let exact = values[rank - 1]
      let found = histogram.quantile(share)
      #expect(found >= exact, "p\(share)")
      #expect(found - exact <= exact / 64 + 1, "p\(share): \(found) for \(exact)")
    }
  }

  @Test func smallDurationsAreExact() {
    var histogram = LatencyHistogram()
    for value in 1...100 as ClosedRange<UInt64> { histogram.record(value) }
    #expect(histogram.quantile(0.5) == 50)
    #expect(histogram.quantile(0.9) == 90)
    #expect(histogram.quantile(1) == 100)
    #expect(histogram.mean == 50.5)
  }

  @Test func addingIsCountingTogether() {
    var random = SplitMix64(seed: 7)
    var left = LatencyHistogram()
    var right = LatencyHistogram()
    var both = LatencyHistogram()
    for index in 0..<1_000 {
      let value = random.next() >> 30
      both.record(value)
      if index.isMultiple(of: 3) { left.record(value) } else { right.record(value) }
    }
    left.add(right)
    #expect(left.count == both.count)
    #expect(left.max == both.max)
    #expect(left.min == both.min)
    #expect(left.quantile(0.77) == both.quantile(0.77))
    #expect(left.doublings.map(\.count) == both.doublings.map(\.count))
  }

  @Test func doublingsLeaveNoGap() {
    var histogram = LatencyHistogram()
    histogram.record(5)
    histogram.record(70)
    #expect(histogram.doublings.map(\.floor) == [4, 8, 16, 32, 64])
    #expect(histogram.doublings.map(\.count) == [1, 0, 0, 0, 1])
  }
}

@Suite struct HistogramDrawingTests {
  @Test func theLargestRowFillsTheWidth() {
    var histogram = LatencyHistogram()
    for _ in 0..<8 { histogram.record(1_000) }
    for _ in 0..<4 { histogram.record(2_100) }
    let drawing = HistogramDrawing(width: 8)
    #expect(
      drawing.lines(histogram) == [
        "    512 ns ████████  66.7 %", "   1.02 µs                 ", "   2.05 µs ████      33.3 %",
      ])
  }

  @Test func asciiWhereBlocksAreNotShown() {
    var histogram = LatencyHistogram()
    histogram.record(1_000)
    let drawing = HistogramDrawing(showsBlocks: false, width: 4)
    #expect(drawing.lines(histogram) == ["    512 ns #### 100.0 %"])
  }

  @Test func smallSharesAreStillSeen() {
    var histogram = LatencyHistogram()
    for _ in 0..<100_000 { histogram.record(1_000) }
    histogram.record(2_000_000)
    let last = HistogramDrawing(width: 10).lines(histogram).last
    #expect(last == "   1.05 ms ▏           0.00 %")
  }
}
