import GodwitWire
import GodwitWireTesting
import Testing

@Suite struct ASCIIScanTests {
  @Test func endOfTokenAgreesWithAByteLoop() throws {
    var random = SplitMix64(seed: 11)
    for _ in 0..<5_000 {
      let bytes = (0..<Int.random(in: 1...40, using: &random)).map { _ in
        UInt8.random(in: 0...255, using: &random) | (Bool.random(using: &random) ? 0x20 : 0)
      }
      let start = Int.random(in: 0...bytes.count, using: &random)
      let expected = bytes[start...].firstIndex { $0 <= 0x20 } ?? bytes.count
      let found = try bytes.withUnsafeBytes {
        ASCIIScan.endOfToken(try #require($0.baseAddress), start, bytes.count)
      }
      #expect(found == expected)
    }
  }

  @Test func controlsAreFoundWhereverTheyStand() throws {
    var random = SplitMix64(seed: 12)
    for _ in 0..<5_000 {
      var bytes = (0..<Int.random(in: 1...40, using: &random)).map { _ in
        UInt8.random(in: 0x20...0xFF, using: &random)
      }
      if Bool.random(using: &random) {
        bytes[bytes.indices.randomElement(using: &random) ?? 0] = .random(
          in: 0..<0x20, using: &random)
      }
      let isFree = try bytes.withUnsafeBytes {
        ASCIIScan.isFreeOfControls(try #require($0.baseAddress), bytes.count)
      }
      #expect(isFree == bytes.allSatisfy { $0 >= 0x20 })
    }
  }

  @Test func first() throws {
    try Array("abca".utf8).withUnsafeBytes {
      let base = try #require($0.baseAddress)
      #expect(ASCIIScan.first(0x61, in: base, 0, 4) == 0)
      #expect(ASCIIScan.first(0x61, in: base, 1, 4) == 3)
      #expect(ASCIIScan.first(0x61, in: base, 1, 3) == nil)
      #expect(ASCIIScan.first(0x61, in: base, 4, 4) == nil)
    }
  }

  @Test(arguments: [
    ("0", 0), ("7", 7), ("007", 7), ("999999999", 999_999_999), ("", nil), ("1234567890", nil),
    ("1a", nil), ("-1", nil), ("+1", nil), (" 1", nil),
  ])
  func size(_ text: String, _ expected: Int?) throws {
    let bytes = Array(text.utf8) + [0x39]
    try bytes.withUnsafeBytes {
      let base = try #require($0.baseAddress)
      #expect(ASCIIScan.size(base, 0, bytes.count - 1) == expected)
    }
  }

  @Test(arguments: [
    0, 9, 10, 99, 100, 1_048_576, 999_999_999_999_999_999, 1_000_000_000_000_000_000,
    1_763_740_000_123_456_789, Int.max,
  ])
  func write(_ value: Int) throws {
    var bytes = [UInt8](repeating: 0, count: 20)
    let count = try bytes.withUnsafeMutableBytes {
      ASCIIScan.write(value, to: try #require($0.baseAddress))
    }
    #expect(String(decoding: bytes[..<count], as: UTF8.self) == String(value))
    #expect(ASCIIScan.digits(value) == count)
  }
}
