import Testing

@testable import GodwitPrimitives

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

  /// Whether the terms of a multiple, and so the places to which it moves a byte, leave nothing
  /// when they are divided by the polynomial; and whether it is as `SparseMultiple` wants it.
  @Test func theMultiplesAreMultiples() throws {
    try self.prove(CastagnoliNear.self)
    try self.prove(CastagnoliFar.self)
  }

  private func prove<Multiple: SparseMultiple>(_ multiple: Multiple.Type) throws {
    let distances = multiple.distances
    #expect(distances.last == multiple.reach)
    #expect(distances == distances.sorted())
    #expect(try #require(distances.first) >= CRCFolding.block)
    #expect(distances[distances.count - 2] <= multiple.reach - 4)
    #expect(multiple.stretch % CRCFolding.block == 0)
    // The remainder of x^n, by shifting; the highest term is the lowest bit.
    func remainder(_ exponent: Int) -> UInt32 {
      var power: UInt32 = 0x8000_0000
      for _ in 0..<exponent { power = (power >> 1) ^ (power & 1 == 1 ? 0x82F6_3B78 : 0) }
      return power
    }
    // A distance of n is the term x^(reach - n), in bytes.
    let sum = distances.reduce(remainder(8 * multiple.reach)) {
      $0 ^ remainder(8 * (multiple.reach - $1))
    }
    #expect(sum == 0)
    // What is gathered comes from these distances.
    var random = Random(seed: 3)
    let bytes = (0..<multiple.reach + CRCFolding.block).map { _ in
      UInt8.random(in: 0...255, using: &random)
    }
    let gathered = try bytes.withUnsafeBytes { bytes in
      multiple.gathered(try #require(bytes.baseAddress) + multiple.reach)
    }
    let expected = (0..<CRCFolding.block).map { index in
      distances.reduce(0) { $0 ^ bytes[multiple.reach - $1 + index] }
    }
    #expect(withUnsafeBytes(of: gathered) { Array($0) } == expected)
  }

  /// One byte at a time, through a table that the definition made.
  private func bytewise(_ bytes: UnsafeRawBufferPointer, continuing: UInt32 = 0) -> UInt32 {
    ~bytes.reduce(~continuing) { ($0 >> 8) ^ Self.table[Int(UInt8(truncatingIfNeeded: $0) ^ $1)] }
  }

  private static let table = (0..<256).map { byte in
    (0..<8).reduce(UInt32(byte)) { crc, _ in (crc >> 1) ^ (crc & 1 == 1 ? 0x82F6_3B78 : 0) }
  }

  /// Where another way of folding begins, and where a stretch or a block ends.
  @Test(arguments: [
    1_024, 4_096 + 448, 2 * 4_096 + 448, 16_384, 16_384 + 5_440, 2 * 16_384 + 5_440,
  ])
  func lengthsAroundEveryBoundary(boundary: Int) {
    var random = Random(seed: UInt64(boundary))
    let bytes = (0..<boundary + 300).map { _ in UInt8.random(in: 0...255, using: &random) }
    bytes.withUnsafeBytes { bytes in
      for length in boundary - 130...boundary + 130 {
        let start = Int.random(in: 0...170, using: &random)
        let before = UInt32.random(in: 0...UInt32.max, using: &random)
        let part = UnsafeRawBufferPointer(rebasing: bytes[start..<start + length])
        #expect(
          CRC32C.checksum(part, continuing: before) == self.bytewise(part, continuing: before))
      }
    }
  }

  @Test func longPiecesMakeTheSumOfTheWhole() {
    var random = Random(seed: 5)
    let bytes = (0..<150_000).map { _ in UInt8.random(in: 0...255, using: &random) }
    bytes.withUnsafeBytes { bytes in
      let whole = self.bytewise(bytes)
      #expect(CRC32C.checksum(bytes) == whole)
      for _ in 0..<40 {
        var sum: UInt32 = 0
        var offset = 0
        while offset < bytes.count {
          let most = [70, 2_000, 20_000, 100_000].randomElement(using: &random) ?? 1
          let end = min(offset + Int.random(in: 1...most, using: &random), bytes.count)
          let part = UnsafeRawBufferPointer(rebasing: bytes[offset..<end])
          sum = CRC32C.checksum(part, continuing: sum)
          offset = end
        }
        #expect(sum == whole)
      }
    }
  }

  /// A bit anywhere in what is folded away counts.
  @Test func oneBitAnywhereCounts() {
    var bytes = [UInt8](repeating: 0, count: 24_000)
    let nothing = self.checksum(bytes)
    for place in stride(from: 0, to: bytes.count, by: 97) {
      bytes[place] = 1 << (place % 8)
      let sum = self.checksum(bytes)
      #expect(sum != nothing)
      #expect(sum == bytes.withUnsafeBytes { self.bytewise($0) })
      bytes[place] = 0
    }
  }

  @Test func theOtherPolynomial() {
    let bytes = Array("123456789".utf8)
    #expect(bytes.withUnsafeBytes { CRC32.checksum($0) } == 0xCBF4_3926)
    let first = bytes[..<4].withUnsafeBytes { CRC32.checksum($0) }
    #expect(bytes[4...].withUnsafeBytes { CRC32.checksum($0, continuing: first) } == 0xCBF4_3926)
  }
}
