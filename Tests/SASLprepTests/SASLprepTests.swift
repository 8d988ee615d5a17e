import GodwitSASLprep
import Testing

/// SASLprep: the examples of RFC 4013, section 3, and each rule by itself.
struct SASLprepTests {
  @Test(arguments: [
    ("I\u{AD}X", "IX"),
    ("user", "user"),
    ("USER", "USER"),
    ("\u{AA}", "a"),
    ("\u{2168}", "IX"),
    ("", ""),
    // Spaces of other scripts, and what is mapped to nothing.
    ("a\u{A0}b\u{3000}c\u{2003}d", "a b c d"),
    ("a\u{200D}b\u{FEFF}c\u{FE0F}d\u{2060}", "abcd"),
    // One form for what looks the same.
    ("e\u{301}", "\u{E9}"),
    ("\u{FB01}\u{FF21}", "fiA"),
    ("\u{0627}1\u{0628}", "\u{0627}1\u{0628}"),
    ("p\u{1F600}", "p\u{1F600}"),
  ])
  func thisBecomesThat(_ text: String, _ prepared: String) throws {
    #expect(Array(try SASLprep.prepare(text).unicodeScalars) == Array(prepared.unicodeScalars))
    #expect(try SASLprep.prepare(Array(text.utf8)) == Array(prepared.utf8))
    // What was stored can be prepared again.
    #expect(try SASLprep.prepare(prepared) == prepared)
  }

  private func refusal(_ text: String) -> String? {
    do throws(SASLprep.Refusal) {
      _ = try SASLprep.prepare(text)
      return nil
    } catch {
      return error.description
    }
  }

  @Test(
    arguments: [
      0x07, 0x00, 0x7F, 0x80, 0x06DD, 0xE000, 0xFDD0, 0x10_FFFF, 0xFFFD, 0x2FF0, 0x202E, 0xE0041,
      0x0378,
    ] as [UInt32])
  func codePointsThatAreRefused(_ value: UInt32) throws {
    let scalar = try #require(Unicode.Scalar(value))
    let digits = String(value, radix: 16, uppercase: true)
    let padded = String(repeating: "0", count: max(0, 4 - digits.count)) + digits
    #expect(
      self.refusal("a\(scalar)")
        == "holds the code point U+\(padded), which is not allowed in it")
  }

  @Test(arguments: ["\u{0627}1", "1\u{0627}", "\u{0627}a\u{0628}", "\u{05D0}!"])
  func directionsDoNotMix(_ text: String) {
    #expect(
      self.refusal(text) == "mixes letters written from right to left with others")
  }

  @Test func otherRefusals() {
    #expect(self.refusal("\u{AD}\u{200D}") == "holds nothing that can be seen")
    #expect(self.refusal(String(repeating: "x", count: 4_096)) == nil)
    #expect(self.refusal(String(repeating: "x", count: 4_097)) == "is longer than 4096 bytes")
    #expect(throws: SASLprep.Refusal.self) { try SASLprep.prepare([0x61, 0xFF]) }
  }
}
