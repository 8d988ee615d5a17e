/// XXH64, a fast 64-bit checksum (xxHash fast digest algorithm, 0.2.0, "XXH64 algorithm
/// description"). It finds what came about by accident; it is no defence against forgery.
public enum XXH64 {
  private static var prime1: UInt64 { 0x9E37_79B1_85EB_CA87 }
  private static var prime2: UInt64 { 0xC2B2_AE3D_27D4_EB4F }
  private static var prime3: UInt64 { 0x1656_67B1_9E37_79F9 }
  private static var prime4: UInt64 { 0x85EB_CA77_C2B2_AE63 }
  private static var prime5: UInt64 { 0x27D4_EB2F_1656_67C5 }
  /// How many bytes the four lanes take at a time.
  private static var stripeBytes: Int { 32 }

  /// The checksum of `bytes`.
  ///
  /// - Parameters:
  ///   - bytes: any number of them; they need no alignment.
  ///   - seed: another seed gives another checksum; 0 by default.
  public static func checksum(_ bytes: UnsafeRawBufferPointer, seed: UInt64 = 0) -> UInt64 {
    let count = bytes.count
    guard let base = bytes.baseAddress else { return self.finish(seed &+ self.prime5) }
    var offset = 0
    var sum: UInt64
    if count >= self.stripeBytes {
      var first = seed &+ self.prime1 &+ self.prime2
      var second = seed &+ self.prime2
      var third = seed
      var fourth = seed &- self.prime1
      repeat {
        first = self.round(first, self.word(base, offset))
        second = self.round(second, self.word(base, offset &+ 8))
        third = self.round(third, self.word(base, offset &+ 16))
        fourth = self.round(fourth, self.word(base, offset &+ 24))
        offset &+= self.stripeBytes
      } while count &- offset >= self.stripeBytes
      sum =
        self.rotate(first, 1) &+ self.rotate(second, 7) &+ self.rotate(third, 12)
        &+ self.rotate(fourth, 18)
      sum = self.merge(sum, first)
      sum = self.merge(sum, second)
      sum = self.merge(sum, third)
      sum = self.merge(sum, fourth)
    } else {
      sum = seed &+ self.prime5
    }
    sum &+= UInt64(truncatingIfNeeded: count)
    while count &- offset >= 8 {
      sum ^= self.round(0, self.word(base, offset))
      sum = self.rotate(sum, 27) &* self.prime1 &+ self.prime4
      offset &+= 8
    }
    if count &- offset >= 4 {
      let half = UInt32(littleEndian: base.loadUnaligned(fromByteOffset: offset, as: UInt32.self))
      sum ^= UInt64(half) &* self.prime1
      sum = self.rotate(sum, 23) &* self.prime2 &+ self.prime3
      offset &+= 4
    }
    while offset < count {
      sum ^= UInt64(base.load(fromByteOffset: offset, as: UInt8.self)) &* self.prime5
      sum = self.rotate(sum, 11) &* self.prime1
      offset &+= 1
    }
    return self.finish(sum)
  }

  @inline(__always)
  private static func word(_ base: UnsafeRawPointer, _ offset: Int) -> UInt64 {
    UInt64(littleEndian: base.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
  }

  @inline(__always)
  private static func rotate(_ value: UInt64, _ count: UInt64) -> UInt64 {
    (value &<< count) | (value &>> (64 &- count))
  }

  @inline(__always)
  private static func round(_ lane: UInt64, _ word: UInt64) -> UInt64 {
    self.rotate(lane &+ word &* self.prime2, 31) &* self.prime1
  }

  @inline(__always)
  private static func merge(_ sum: UInt64, _ lane: UInt64) -> UInt64 {
    (sum ^ self.round(0, lane)) &* self.prime1 &+ self.prime4
  }

  private static func finish(_ sum: UInt64) -> UInt64 {
    var sum = sum
    sum ^= sum &>> 33
    sum = sum &* self.prime2
    sum ^= sum &>> 29
    sum = sum &* self.prime3
    sum ^= sum &>> 32
    return sum
  }
}
