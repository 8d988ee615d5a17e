import NATSWire
import Testing

/// Numbers of any size.
@Suite struct JetStreamIntegerTests {
  @Test func theyAreReadAndWritten() {
    for (text, written) in [
      ("0", "0"), ("-0", "0"), ("+7", "7"), ("007", "7"), ("-12", "-12"),
      ("123456789012345678901234567890", "123456789012345678901234567890"),
    ] {
      #expect(JetStreamInteger(text)?.description == written)
    }
    for text in ["", "+", "-", "1.5", "--1", "1e3", " 1", "١"] {
      #expect(JetStreamInteger(text) == nil, "\(text)")
    }
  }

  @Test func sumsAndDifferencesAreThoseOfSmallNumbers() throws {
    for left in -120...120 {
      for right in stride(from: -120, through: 120, by: 7) {
        let (a, b) = (
          try #require(JetStreamInteger(String(left))),
          try #require(JetStreamInteger(String(right)))
        )
        #expect((a + b).description == String(left + right))
        #expect((a - b).description == String(left - right))
      }
    }
  }
}
