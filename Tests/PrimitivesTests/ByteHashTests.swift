import GodwitPrimitives
import Testing

struct ByteHashTests {
  private func hash(_ bytes: [UInt8], seed: UInt64) -> UInt64 {
    bytes.withUnsafeBytes { ByteHash(seed: seed)($0) }
  }

  @Test func dependsOnEveryByteAndOnTheLength() {
    for count in 0..<40 {
      let base = [UInt8](repeating: 0, count: count)
      var seen: Set<UInt64> = [self.hash(base, seed: 1), self.hash(base + [0], seed: 1)]
      #expect(seen.count == 2)
      for index in 0..<count {
        var changed = base
        changed[index] = 1
        #expect(seen.insert(self.hash(changed, seed: 1)).inserted)
      }
    }
  }

  @Test func dependsOnTheSeed() {
    #expect(self.hash([1, 2, 3], seed: 1) != self.hash([1, 2, 3], seed: 2))
    #expect(self.hash([1, 2, 3], seed: 7) == self.hash([1, 2, 3], seed: 7))
  }

  @Test func sameBytesComparesAllOfThem() {
    for count in 0..<40 {
      let left = (0..<count).map { UInt8($0) }
      left.withUnsafeBytes { a in
        Array(left).withUnsafeBytes { b in #expect(a.sameBytes(as: b)) }
        for index in 0..<count {
          var changed = left
          changed[index] ^= 0x80
          changed.withUnsafeBytes { b in #expect(!a.sameBytes(as: b)) }
        }
        (left + [0]).withUnsafeBytes { b in #expect(!a.sameBytes(as: b)) }
      }
    }
  }
}
