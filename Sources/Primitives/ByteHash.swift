/// A seeded 64-bit hash of bytes, for tables keyed by what a peer sends.
///
/// Eight bytes are mixed at a time. The seed is drawn once per table, so a peer that does not know
/// it cannot aim for collisions; tables still compare the bytes and stay correct when some occur.
public struct ByteHash: Sendable {
  @usableFromInline let seed: UInt64

  /// A hash with the given seed; a random one by default.
  public init(seed: UInt64 = .random(in: .min ... .max)) {
    self.seed = seed
  }

  /// The hash of `bytes`.
  @inlinable @inline(__always)
  public func callAsFunction(_ bytes: UnsafeRawBufferPointer) -> UInt64 {
    var state = self.seed ^ (UInt64(truncatingIfNeeded: bytes.count) &* 0x9E37_79B9_7F4A_7C15)
    guard let base = bytes.baseAddress else { return Self.finish(state) }
    var offset = 0
    let count = bytes.count
    while count &- offset >= 8 {
      let word = base.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
      state = Self.mix(state ^ word)
      offset &+= 8
    }
    if offset < count {
      var word: UInt64 = 0
      var shift: UInt64 = 0
      while offset < count {
        word |= UInt64(base.load(fromByteOffset: offset, as: UInt8.self)) &<< shift
        shift &+= 8
        offset &+= 1
      }
      state = Self.mix(state ^ word)
    }
    return Self.finish(state)
  }

  @inlinable @inline(__always)
  static func mix(_ value: UInt64) -> UInt64 {
    let product = value.multipliedFullWidth(by: 0xA076_1D64_78BD_642F)
    return product.high ^ product.low
  }

  @inlinable @inline(__always)
  static func finish(_ value: UInt64) -> UInt64 {
    Self.mix(value ^ 0xE703_7ED1_A0B4_28DB)
  }
}

extension UnsafeRawBufferPointer {
  /// Whether both hold the same bytes.
  @inlinable @inline(__always)
  public func sameBytes(as other: UnsafeRawBufferPointer) -> Bool {
    guard self.count == other.count else { return false }
    guard let left = self.baseAddress, let right = other.baseAddress else { return true }
    var offset = 0
    let count = self.count
    while count &- offset >= 8 {
      let a = left.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
      let b = right.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
      guard a == b else { return false }
      offset &+= 8
    }
    guard offset < count else { return true }
    if count >= 8 {
      // The last eight bytes, some of them for the second time.
      let a = left.loadUnaligned(fromByteOffset: count &- 8, as: UInt64.self)
      let b = right.loadUnaligned(fromByteOffset: count &- 8, as: UInt64.self)
      return a == b
    }
    while offset < count {
      let a = left.load(fromByteOffset: offset, as: UInt8.self)
      let b = right.load(fromByteOffset: offset, as: UInt8.self)
      guard a == b else { return false }
      offset &+= 1
    }
    return true
  }
}
