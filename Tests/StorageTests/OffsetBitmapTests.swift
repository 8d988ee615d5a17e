import GodwitWireTesting
import Testing

@testable import GodwitStorage

/// Which offsets are gone, against a set of them.
@Suite struct OffsetBitmapTests {
  @Test(arguments: 1...20 as ClosedRange<UInt64>)
  func knowsWhatASetKnows(seed: UInt64) {
    var random = SplitMix64(seed: seed)
    let base = UInt64.random(in: 0...1_000, using: &random)
    let end = base + 40_000
    var bitmap = OffsetBitmap(base: base)
    var gone: Set<UInt64> = []
    for _ in 0..<60 {
      let from = UInt64.random(in: base..<end, using: &random)
      let most: UInt64 = [1, 100, 9_000][Int.random(in: 0..<3, using: &random)]
      let range = from..<min(end, from + UInt64.random(in: 1...most, using: &random))
      let before = gone.count
      gone.formUnion(range)
      if range.count == 1 {
        #expect(bitmap.insert(from) == (gone.count > before))
      } else {
        #expect(bitmap.insert(range) == gone.count - before)
      }
      #expect(bitmap.count == gone.count)
      for _ in 0..<20 {
        let place = UInt64.random(in: base..<end, using: &random)
        let limit = UInt64.random(in: place...end, using: &random)
        #expect(bitmap.contains(place) == gone.contains(place))
        let next = (place..<limit).first { !gone.contains($0) } ?? limit
        #expect(bitmap.next(from: place, to: limit) == next)
        let nextGone = (place..<limit).first { gone.contains($0) } ?? limit
        #expect(bitmap.nextGone(from: place, to: limit) == nextGone)
      }
    }
  }

  @Test func aLongStretchTakesLittleRoom() {
    var bitmap = OffsetBitmap(base: 5)
    #expect(bitmap.insert(5..<5 + 1 << 28) == 1 << 28)
    #expect(bitmap.insert(7..<9) == 0)
    #expect(bitmap.contains(1 << 27))
    #expect(bitmap.next(from: 5, to: .max) == 5 + 1 << 28)
  }
}
