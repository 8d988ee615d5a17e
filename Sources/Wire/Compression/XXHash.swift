/// xxHash with 32 bits, the checksum of LZ4 frames.
enum XXHash32 {
  private static let primes: (UInt32, UInt32, UInt32, UInt32, UInt32) = (
    2_654_435_761, 2_246_822_519, 3_266_489_917, 668_265_263, 374_761_393
  )

  static func hash(_ bytes: UnsafeRawBufferPointer, seed: UInt32 = 0) -> UInt32 {
    let (p1, p2, p3, p4, p5) = primes
    var offset = 0
    func word(_ at: Int) -> UInt32 {
      UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: at, as: UInt32.self))
    }
    func rotate(_ value: UInt32, _ by: UInt32) -> UInt32 { value &<< by | value &>> (32 &- by) }
    var hash: UInt32
    if bytes.count >= 16 {
      var a = seed &+ p1 &+ p2
      var b = seed &+ p2
      var c = seed
      var d = seed &- p1
      while bytes.count &- offset >= 16 {
        a = rotate(a &+ word(offset) &* p2, 13) &* p1
        b = rotate(b &+ word(offset &+ 4) &* p2, 13) &* p1
        c = rotate(c &+ word(offset &+ 8) &* p2, 13) &* p1
        d = rotate(d &+ word(offset &+ 12) &* p2, 13) &* p1
        offset &+= 16
      }
      hash = rotate(a, 1) &+ rotate(b, 7) &+ rotate(c, 12) &+ rotate(d, 18)
    } else {
      hash = seed &+ p5
    }
    hash &+= UInt32(truncatingIfNeeded: bytes.count)
    while bytes.count &- offset >= 4 {
      hash = rotate(hash &+ word(offset) &* p3, 17) &* p4
      offset &+= 4
    }
    while offset < bytes.count {
      hash = rotate(hash &+ UInt32(bytes[offset]) &* p5, 11) &* p1
      offset &+= 1
    }
    hash = (hash ^ hash >> 15) &* p2
    hash = (hash ^ hash >> 13) &* p3
    return hash ^ hash >> 16
  }
}

/// xxHash with 64 bits, the checksum of Zstandard frames.
enum XXHash64 {
  private static let primes: (UInt64, UInt64, UInt64, UInt64, UInt64) = (
    0x9E37_79B1_85EB_CA87, 0xC2B2_AE3D_27D4_EB4F, 0x1656_67B1_9E37_79F9, 0x85EB_CA77_C2B2_AE63,
    0x27D4_EB2F_1656_67C5
  )

  static func hash(_ bytes: UnsafeRawBufferPointer, seed: UInt64 = 0) -> UInt64 {
    let (p1, p2, p3, p4, p5) = primes
    var offset = 0
    func word(_ at: Int) -> UInt64 {
      UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: at, as: UInt64.self))
    }
    func rotate(_ value: UInt64, _ by: UInt64) -> UInt64 { value &<< by | value &>> (64 &- by) }
    func round(_ lane: UInt64, _ word: UInt64) -> UInt64 {
      rotate(lane &+ word &* p2, 31) &* p1
    }
    func merge(_ hash: UInt64, _ lane: UInt64) -> UInt64 {
      (hash ^ round(0, lane)) &* p1 &+ p4
    }
    var hash: UInt64
    if bytes.count >= 32 {
      var a = seed &+ p1 &+ p2
      var b = seed &+ p2
      var c = seed
      var d = seed &- p1
      while bytes.count &- offset >= 32 {
        a = round(a, word(offset))
        b = round(b, word(offset &+ 8))
        c = round(c, word(offset &+ 16))
        d = round(d, word(offset &+ 24))
        offset &+= 32
      }
      hash = rotate(a, 1) &+ rotate(b, 7) &+ rotate(c, 12) &+ rotate(d, 18)
      hash = merge(merge(merge(merge(hash, a), b), c), d)
    } else {
      hash = seed &+ p5
    }
    hash &+= UInt64(truncatingIfNeeded: bytes.count)
    while bytes.count &- offset >= 8 {
      hash = rotate(hash ^ round(0, word(offset)), 27) &* p1 &+ p4
      offset &+= 8
    }
    if bytes.count &- offset >= 4 {
      let word = bytes.loadUnaligned(fromByteOffset: offset, as: UInt32.self)
      hash = rotate(hash ^ UInt64(UInt32(littleEndian: word)) &* p1, 23) &* p2 &+ p3
      offset &+= 4
    }
    while offset < bytes.count {
      hash = rotate(hash ^ UInt64(bytes[offset]) &* p5, 11) &* p1
      offset &+= 1
    }
    hash = (hash ^ hash >> 33) &* p2
    hash = (hash ^ hash >> 29) &* p3
    return hash ^ hash >> 32
  }
}
