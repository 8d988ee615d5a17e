import GodwitEngine
import Testing

@testable import GodwitBroker

@Suite struct RecordFilterTests {
  @Test(arguments: [
    ("", "", true), ("", "a", true), ("a", "", false), ("ab", "xABx", true), ("aab", "aaab", true),
    ("aab", "aaba", true), ("aab", "abab", false), ("abcabd", "ABCABCABD", true),
    ("ö", "schÖn", false), ("ö", "schön", true),
  ])
  func textIsFound(text: String, bytes: String, isFound: Bool) {
    #expect(TextSearch(text.utf8).isFound(in: Array(bytes.utf8)) == isFound)
  }

  /// The quick way finds what the plain one finds.
  @Test func agreesWithThePlainWay() {
    var state: UInt64 = 7
    func next(_ bound: UInt64) -> UInt64 {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return (state >> 33) % bound
    }
    var found = 0
    for _ in 0..<2_000 {
      let text = (0..<next(5)).map { _ in UInt8(97 + next(2)) }
      let bytes = (0..<next(20)).map { _ in UInt8(97 + next(2)) }
      let plain =
        text.isEmpty || bytes.indices.contains { bytes[$0...].starts(with: text) }
      if plain { found += 1 }
      #expect(TextSearch(text).isFound(in: bytes) == plain)
    }
    #expect(found > 100 && found < 1_900)
  }
}
