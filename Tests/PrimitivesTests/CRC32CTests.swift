import GodwitPrimitives
import Testing

struct CRC32CTests {
  private func checksum(_ bytes: [UInt8], continuing: UInt32 = 0) -> UInt32 {
    bytes.withUnsafeBytes { CRC32C.checksum($0, continuing: continuing) }
  }

  /// One bit at a time, as the definition has it.
  private func slowly(_ bytes: [UInt8]) -> UInt32 {
    var crc: UInt32 = 0xFFFF_FFFF
    for byte in bytes {
      crc ^= UInt32(byte)
      for _ in 0..<8 { crc = (crc >> 1) ^ (crc & 1 == 1 ? 0x82F6_3B78 : 0) }
    }
    return ~crc
  }

  /// RFC 3720, B.4, and the check value that catalogues of checksums give.
  @Test func publishedVectors() {
    #expect(self.checksum([UInt8](repeating: 0, count: 32)) == 0x8A91_36AA)
    #expect(self.checksum([UInt8](repeating: 0xFF, count: 32)) == 0x62A8_AB43)
    #expect(self.checksum((0..<32).map { UInt8($0) }) == 0x46DD_794E)
    #expect(self.checksum((0..<32).reversed().map { UInt8($0) }) == 0x113F_DB5C)
    #expect(self.checksum(Array("123456789".utf8)) == 0xE306_9283)
    #expect(self.checksum([]) == 0)
  }

  @Test func everyLengthAndAlignmentAgreesWithTheDefinition() {
    var random = Random(seed: 11)
    let bytes = (0..<200).map { _ in UInt8.random(in: 0...255, using: &random) }
    for start in 0..<9 {
      for end in start...bytes.count {
        let part = Array(bytes[start..<end])
        let sum = bytes.withUnsafeBytes {
          CRC32C.checksum(UnsafeRawBufferPointer(rebasing: $0[start..<end]))
        }
        #expect(sum == self.slowly(part))
      }
    }
  }

  @Test func piecesMakeTheSumOfTheWhole() {
    let bytes = (0..<100).map { UInt8($0) }
    let whole = self.checksum(bytes)
    for split in 0...bytes.count {
      let first = self.checksum(Array(bytes[..<split]))
      #expect(self.checksum(Array(bytes[split...]), continuing: first) == whole)
    }
    #expect(self.checksum([], continuing: whole) == whole)
  }

  @Test func theOtherPolynomial() {
    let bytes = Array("123456789".utf8)
    #expect(bytes.withUnsafeBytes { CRC32.checksum($0) } == 0xCBF4_3926)
    let first = bytes[..<4].withUnsafeBytes { CRC32.checksum($0) }
    #expect(bytes[4...].withUnsafeBytes { CRC32.checksum($0, continuing: first) } == 0xCBF4_3926)
  }
}
