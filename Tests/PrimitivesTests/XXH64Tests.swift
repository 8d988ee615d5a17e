import GodwitPrimitives
import Testing

struct XXH64Tests {
  private func checksum(_ bytes: [UInt8], seed: UInt64 = 0) -> UInt64 {
    bytes.withUnsafeBytes { XXH64.checksum($0, seed: seed) }
  }

  /// As the reference implementation has them.
  @Test func publishedVectors() {
    #expect(self.checksum([]) == 0xEF46_DB37_51D8_E999)
    #expect(self.checksum([], seed: 0x9E37_79B1) == 0xAC75_FDA2_929B_17EF)
    #expect(XXH64.checksum(UnsafeRawBufferPointer(start: nil, count: 0)) == 0xEF46_DB37_51D8_E999)
    #expect(self.checksum(Array("a".utf8)) == 0xD24E_C4F1_A98C_6E5B)
    #expect(self.checksum(Array("abc".utf8)) == 0x44BC_2CF5_AD77_0999)
    #expect(self.checksum(Array("123456789".utf8)) == 0x8CB8_41DB_40E6_AE83)
    #expect(self.checksum((0..<32).map { UInt8($0) }) == 0xCBF5_9C51_16FF_32B4)
    #expect(self.checksum((0..<32).map { UInt8($0) }, seed: 7) == 0xA597_2D57_C4AE_A230)
    #expect(
      self.checksum((0..<101).map { UInt8($0) }, seed: 0x9E37_79B1) == 0xA1C6_D417_4C37_136D)
    let long = (0..<1_024).map { UInt8($0 & 0xFF) }
    #expect(self.checksum(long) == 0x6F39_14F1_8FE4_DF57)
    #expect(self.checksum(long, seed: 0xFFFF_FFFF) == 0xC46F_8B4D_8924_F8DC)
  }

  /// The reference's checksums of 0 to 200 bytes, each with its length as the seed, in one number.
  @Test func everyLengthAgreesWithTheReference() {
    let bytes = (0..<200).map { UInt8(truncatingIfNeeded: $0 * 7 + 3) }
    var all: UInt64 = 0
    for count in 0...200 {
      all = all &* 31 &+ self.checksum(Array(bytes[0..<count]), seed: UInt64(count))
    }
    #expect(all == 0xF5EB_6CAE_14B2_743B)
  }

  @Test func alignmentDoesNotMatter() {
    var random = Random(seed: 12)
    let bytes = (0..<200).map { _ in UInt8.random(in: 0...255, using: &random) }
    for start in 0..<9 {
      for end in start...bytes.count {
        let sum = bytes.withUnsafeBytes {
          XXH64.checksum(UnsafeRawBufferPointer(rebasing: $0[start..<end]))
        }
        #expect(sum == self.checksum(Array(bytes[start..<end])))
      }
    }
  }
}
