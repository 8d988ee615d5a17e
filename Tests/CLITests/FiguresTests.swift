import Testing

@testable import GodwitCLI

@Suite struct FiguresTests {
  @Test(arguments: [
    (0, "0"), (999, "999"), (1_000, "1,000"), (1_234_567, "1,234,567"), (-12_345, "-12,345"),
    (Int.min, "-9,223,372,036,854,775,808"),
  ])
  func groups(number: Int, text: String) {
    #expect(Figures.grouped(number) == text)
  }

  @Test(
    arguments: [
      (0, "0 ns"), (999, "999 ns"), (1_000, "1.00 µs"), (81_234, "81.2 µs"), (999_499, "999 µs"),
      (3_040_000, "3.04 ms"), (12_000_000_000, "12.0 s"),
    ] as [(UInt64, String)])
  func durations(nanoseconds: UInt64, text: String) {
    #expect(Figures.duration(nanoseconds: nanoseconds) == text)
  }

  @Test(
    arguments: [
      (0, "0 B"), (512, "512 B"), (1_536, "1.50 KiB"), (67_108_864, "64.0 MiB"),
    ] as [(Double, String)])
  func bytes(count: Double, text: String) {
    #expect(Figures.bytes(count) == text)
  }

  @Test(
    arguments: [
      (1.005, 2, "1.00"), (1.5, 0, "2"), (0.05, 2, "0.05"), (12.345, 1, "12.3"), (.nan, 1, "nan"),
    ] as [(Double, Int, String)])
  func fixed(value: Double, digits: Int, text: String) {
    #expect(Figures.fixed(value, digits) == text)
  }

  @Test func counts() {
    #expect(Figures.counted(1, "message") == "1 message")
    #expect(Figures.counted(0, "message") == "0 messages")
    #expect(Figures.counted(1_500, "message") == "1,500 messages")
  }

  @Test func columns() {
    #expect(Figures.column("ab", 4) == "ab  ")
    #expect(Figures.column("ab", 4, right: true) == "  ab")
    #expect(Figures.column("abcde", 4) == "abcde")
  }
}
