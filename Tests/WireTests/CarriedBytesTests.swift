import GodwitWire
import Testing

@Suite struct CarriedBytesTests {
  @Test(arguments: [
    ("order-7", "order-7"), ("", "base64:"), ("two words", "base64:dHdvIHdvcmRz"),
    ("base64:eA==", "base64:YmFzZTY0OmVBPT0="), ("é", "base64:w6k="), ("base64", "base64"),
  ])
  func textsAsTheyAreWritten(_ bytes: String, _ text: String) {
    #expect(CarriedBytes.text(of: Array(bytes.utf8)) == Array(text.utf8))
    #expect(CarriedBytes.bytes(of: Array(text.utf8)) == Array(bytes.utf8))
  }

  @Test func allBytesComeBack() {
    for byte in UInt8.min...UInt8.max {
      for bytes in [[byte], [0x61, byte], Array("base64:".utf8) + [byte]] {
        let text = CarriedBytes.text(of: bytes)
        #expect(text.allSatisfy { $0 > 0x20 && $0 < 0x7F })
        #expect(CarriedBytes.bytes(of: text) == bytes)
      }
    }
  }

  @Test(arguments: ["base64:!", "base64:e", "base64: eA==", "Base64:eA==", "two words", ""])
  func otherTextsStandForThemselves(_ text: String) {
    #expect(CarriedBytes.bytes(of: Array(text.utf8)) == Array(text.utf8))
  }

  @Test(arguments: [0, 1, -1, 1_600_000_000_123_000_000, .max, .min] as [Int64])
  func timesComeBack(_ time: Int64) {
    #expect(CarriedTime.nanoseconds(of: CarriedTime.text(of: time)) == time)
  }

  @Test(arguments: [
    "", "+1", "01", "-0", " 1", "1 ", "1.0", "1e3", "9223372036854775808", "0x1", "١",
    "000000000000000000000000000001", "now",
  ])
  func nothingElseIsATime(_ text: String) {
    #expect(CarriedTime.nanoseconds(of: Array(text.utf8)) == nil)
  }
}
