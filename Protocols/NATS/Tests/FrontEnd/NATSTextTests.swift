import NATSWire
import Testing

@testable import NATSFrontEnd

@Suite struct NATSTextTests {
  @Test(
    arguments: [
      (0, "1970-01-01T00:00:00Z"), (951_782_400_000_000_000, "2000-02-29T00:00:00Z"),
      (951_868_800_000_000_000, "2000-03-01T00:00:00Z"),
      (1_700_000_000_500_000_000, "2023-11-14T22:13:20.5Z"),
      (4_107_542_399_000_000_001, "2100-02-28T23:59:59.000000001Z"),
      (4_107_542_400_000_000_000, "2100-03-01T00:00:00Z"),
      (1_735_689_599_999_000_000, "2024-12-31T23:59:59.999Z"),
    ] as [(Int64, String)])
  func timestamps(_ nanoseconds: Int64, _ text: String) {
    #expect(NATSTimestamp.text(nanoseconds) == text)
  }

  @Test(
    arguments: [
      ("30", 30_000_000_000), ("30s", 30_000_000_000), ("2m", 120_000_000_000),
      ("1h30m", 5_400_000_000_000), ("1.5s", 1_500_000_000), ("500ms", 500_000_000),
      ("7us", 7000), ("7µs", 7000), ("9ns", 9), ("0", 0), ("never", nil), ("", nil), ("-1s", nil),
      ("1x", nil), ("s", nil), ("1s2", nil), ("99999999999999999h", nil), ("1..2s", nil),
      ("999999999", 999_999_999_000_000_000), ("1000000000", nil), ("18446744073709551616", nil),
      ("9223372036854775807ns", nil), ("2499999h", 8_999_996_400_000_000_000), ("2500000h", nil),
      ("1000000h1000000h1000000h", nil), ("-5", nil), ("+5", nil), ("5 s", nil), ("5S", nil),
      ("1e9s", nil), ("inf", nil), ("nans", nil), ("0x10s", nil), ("٣s", nil), (".s", nil),
      ("000000030", 30_000_000_000), ("0.1ns", 0), ("0s", nil), ("\u{0}", nil),
    ] as [(String, Int64?)])
  func durations(_ text: String, _ nanoseconds: Int64?) {
    #expect(Array(text.utf8).withUnsafeBytes { NATSDuration.parse($0) } == nanoseconds)
  }

  @Test(
    arguments: [
      (0, "0s"), (59_999_999_999, "59s"), (60_000_000_000, "1m0s"), (3_661_000_000_000, "1h1m1s"),
      (90_061_000_000_000, "1d1h1m1s"), (31_536_000_000_000_000, "1y0d0h0m0s"), (-5, "0s"),
    ] as [(Int64, String)])
  func uptimes(_ nanoseconds: Int64, _ text: String) {
    #expect(NATSDuration.uptime(nanoseconds) == text)
  }

  @Test(
    arguments: [
      (1, "1µs"), (436_000, "436µs"), (1_250_000, "1.25ms"), (2_000_000, "2ms"),
      (2_500_000_000, "2.5s"), (1_005_000_000, "1.005s"),
    ] as [(Int64, String)])
  func shortDurations(_ nanoseconds: Int64, _ text: String) {
    #expect(NATSDuration.short(nanoseconds) == text)
  }
}
