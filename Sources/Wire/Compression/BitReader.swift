/// Reads bits from the front, the lowest of each byte first (RFC 1951, 3.1.1).
struct BitReader {
  private let bytes: UnsafeRawBufferPointer
  private var offset: Int
  private var bits: UInt64 = 0
  private var count = 0

  init(_ bytes: UnsafeRawBufferPointer, from offset: Int) {
    self.bytes = bytes
    self.offset = offset
  }

  /// Where the next whole byte stands: that of the bits which are held belongs to it.
  var byteOffset: Int { offset &- count / 8 }

  @inline(__always)
  private mutating func fill() {
    while count <= 56, offset < bytes.count {
      bits |= UInt64(bytes[offset]) &<< UInt64(count)
      offset &+= 1
      count &+= 8
    }
  }

  /// The next bits without taking them; zeros behind the end. At most 32.
  @inline(__always)
  mutating func peek(_ width: Int) -> Int {
    if count < width { fill() }
    return Int(truncatingIfNeeded: bits & (1 &<< UInt64(width) &- 1))
  }

  @inline(__always)
  mutating func skip(_ width: Int) throws(CompressionError) {
    guard width <= count else { throw .malformed }
    bits &>>= UInt64(width)
    count &-= width
  }

  @inline(__always)
  mutating func read(_ width: Int) throws(CompressionError) -> Int {
    let value = peek(width)
    try skip(width)
    return value
  }

  /// Drops the rest of a byte that was begun.
  mutating func alignToByte() throws(CompressionError) {
    try skip(count % 8)
  }
}
