import MQTTWire
import Testing

@Suite struct MQTTVarintTests {
  static func scan(_ bytes: [UInt8], at offset: Int = 0) -> MQTTVarint.Scan {
    bytes.withUnsafeBytes { MQTTVarint.scan($0, at: offset) }
  }

  @Test(arguments: [0, 1, 127, 128, 16_383, 16_384, 2_097_151, 2_097_152, MQTTVarint.max])
  func roundTrips(_ value: Int) {
    var bytes: [UInt8] = [9, 0, 0, 0, 0]
    let size = bytes.withUnsafeMutableBytes { memory -> Int in
      guard let base = memory.baseAddress else { return 0 }
      return MQTTVarint.write(value, to: base + 1)
    }
    #expect(size == MQTTVarint.size(value))
    #expect(Self.scan(bytes, at: 1) == .value(value, size: size))
    #expect(Self.scan(Array(bytes[..<size]), at: 1) == .incomplete)
  }

  @Test func reportsWhatIsWrong() {
    #expect(Self.scan([]) == .incomplete)
    #expect(Self.scan([0x80, 0x80, 0x80, 0x80]) == .tooLong)
    #expect(Self.scan([0x81, 0]) == .notMinimal(1, size: 2))
  }

  @Test func headerSaysHowMuchIsMissing() throws {
    func scan(_ bytes: [UInt8]) throws -> MQTTFixedHeader.Scan {
      try bytes.withUnsafeBytes {
        try MQTTFixedHeader.scan($0, packetSizeMax: 1000, minimal: true)
      }
    }
    #expect(try scan([]) == .needs(2))
    #expect(try scan([0x30]) == .needs(1))
    #expect(try scan([0x30, 0x80]) == .needs(1))
    #expect(try scan([0x30, 5, 1]) == .needs(4))
    #expect(
      try scan([0x30, 1, 1, 2]) == .packet(MQTTFixedHeader(first: 0x30, size: 2, bodySize: 1)))
  }
}
