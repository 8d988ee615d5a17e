/// Reads bits from the end towards the beginning, as Zstandard's entropy codes stand
/// (RFC 8878, 4.1 and 4.2.1.4). Before the first bit there are zeros.
struct ReverseBitReader {
  private let bytes: UnsafeRawBufferPointer
  /// How many bits are left; negative when more were taken than there were.
  private(set) var left: Int

  /// - Throws: `malformed` without the mark behind the last bit, the highest one of the last byte.
  init(_ bytes: UnsafeRawBufferPointer) throws(CompressionError) {
    guard let last = bytes.last, last > 0 else { throw .malformed }
    self.bytes = bytes
    self.left = bytes.count &* 8 &- last.leadingZeroBitCount &- 1
  }

  /// The next bits without taking them; at most 32.
  @inline(__always)
  func peek(_ width: Int) -> Int { bits(at: left &- width, width) }

  @inline(__always)
  mutating func skip(_ width: Int) { left &-= width }

  @inline(__always)
  mutating func read(_ width: Int) -> Int {
    left &-= width
    return bits(at: left, width)
  }

  @inline(__always)
  private func bits(at position: Int, _ width: Int) -> Int {
    let byte = position >> 3
    guard position >= 0, byte &+ 8 <= bytes.count else { return edgeBits(at: position, width) }
    let word = UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: byte, as: UInt64.self))
    return Int(
      truncatingIfNeeded: word &>> UInt64(position & 7) & (1 &<< UInt64(width) &- 1))
  }

  /// Within seven bytes of the end, or before the beginning.
  @inline(never)
  private func edgeBits(at position: Int, _ width: Int) -> Int {
    var value = 0
    for bit in 0..<width {
      let place = position + bit
      guard place >= 0, place >> 3 < bytes.count else { continue }
      value |= Int(bytes[place >> 3] >> UInt8(place & 7) & 1) << bit
    }
    return value
  }
}
