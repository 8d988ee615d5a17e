#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// Scanning for the text protocols (NATS, STOMP, RESP, HTTP): ends of tokens and lines, decimal
/// numbers. Works on raw bytes whose bounds the caller has checked.
public enum ASCIIScan {
  /// The first offset in `start..<end` whose byte is a space or lower (space, tab, CR, LF, NUL
  /// and the other controls), or `end`.
  ///
  /// - Parameters:
  ///   - base: at least `end` bytes.
  ///   - start: where to begin; at most `end`.
  ///   - end: where to stop.
  @inlinable @inline(__always)
  public static func endOfToken(_ base: UnsafeRawPointer, _ start: Int, _ end: Int) -> Int {
    var offset = start
    // Eight bytes at a time: the lowest set high bit marks the first byte below 0x21.
    while offset &+ 8 <= end {
      let word = UInt64(
        littleEndian: base.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
      let low = (word &- 0x2121_2121_2121_2121) & ~word & 0x8080_8080_8080_8080
      if low != 0 { return offset &+ low.trailingZeroBitCount &>> 3 }
      offset &+= 8
    }
    while offset < end, base.load(fromByteOffset: offset, as: UInt8.self) > 0x20 { offset &+= 1 }
    return offset
  }

  /// The first offset in `start..<end` that holds `byte`, or `nil`.
  public static func first(
    _ byte: UInt8, in base: UnsafeRawPointer, _ start: Int, _ end: Int
  ) -> Int? {
    guard start < end, let found = memchr(base + start, Int32(byte), end - start) else {
      return nil
    }
    return UnsafeRawPointer(found) - base
  }

  /// The decimal number in `start..<end`; `nil` unless it is 1 to 9 digits, so that no sum of a
  /// few of them can overflow.
  @inlinable @inline(__always)
  public static func size(_ base: UnsafeRawPointer, _ start: Int, _ end: Int) -> Int? {
    let count = end &- start
    guard count > 0, count <= 9 else { return nil }
    var value = 0
    var offset = start
    while offset < end {
      let digit = base.load(fromByteOffset: offset, as: UInt8.self) &- 0x30
      guard digit <= 9 else { return nil }
      value = value &* 10 &+ Int(digit)
      offset &+= 1
    }
    return value
  }

  /// Whether `count` bytes hold nothing below a space: no control character of ASCII but DEL.
  @inlinable @inline(__always)
  public static func isFreeOfControls(_ base: UnsafeRawPointer, _ count: Int) -> Bool {
    var offset = 0
    var found: UInt64 = 0
    while offset &+ 8 <= count {
      let word = base.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
      found |= (word &- 0x2020_2020_2020_2020) & ~word
      offset &+= 8
    }
    guard found & 0x8080_8080_8080_8080 == 0 else { return false }
    while offset < count {
      guard base.load(fromByteOffset: offset, as: UInt8.self) >= 0x20 else { return false }
      offset &+= 1
    }
    return true
  }

  /// The number of decimal digits of `value`, which must not be negative.
  @inlinable
  public static func digits(_ value: Int) -> Int {
    // Times in nanoseconds, of this century and the next two.
    if value >= 1_000_000_000_000_000_000 { return 19 }
    var count = 1
    var limit = 10
    while value >= limit {
      count &+= 1
      limit &*= 10
    }
    return count
  }

  /// Writes `value`, which must not be negative, in decimal.
  ///
  /// - Parameter target: room for `digits(value)` bytes.
  /// - Returns: how many bytes were written.
  @inlinable @discardableResult
  public static func write(_ value: Int, to target: UnsafeMutableRawPointer) -> Int {
    let count = self.digits(value)
    self.write(value, digits: count, to: target)
    return count
  }

  /// The same for who has counted the digits.
  @inlinable
  static func write(_ value: Int, digits count: Int, to target: UnsafeMutableRawPointer) {
    var rest = UInt64(value)
    var offset = count
    // Two at a time: half as many divisions wait for each other.
    while offset >= 2 {
      let (more, pair) = rest.quotientAndRemainder(dividingBy: 100)
      let digits = UInt16(truncatingIfNeeded: 0x3030 &+ (pair / 10) &+ (pair % 10) &<< 8)
      target.storeBytes(of: digits.littleEndian, toByteOffset: offset &- 2, as: UInt16.self)
      rest = more
      offset &-= 2
    }
    if offset == 1 {
      target.storeBytes(of: UInt8(truncatingIfNeeded: 0x30 &+ rest), as: UInt8.self)
    }
  }
}
