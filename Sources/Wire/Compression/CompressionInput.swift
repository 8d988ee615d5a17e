/// Compressed bytes that are read from the front.
struct CompressionInput {
  let bytes: UnsafeRawBufferPointer
  private(set) var offset = 0

  init(_ bytes: UnsafeRawBufferPointer) {
    self.bytes = bytes
  }

  var left: Int { bytes.count &- offset }
  var isAtEnd: Bool { offset >= bytes.count }

  @inline(__always)
  mutating func byte() throws(CompressionError) -> Int {
    guard offset < bytes.count else { throw .malformed }
    defer { offset &+= 1 }
    return Int(bytes[offset])
  }

  /// A number, the lowest byte first.
  @inline(__always)
  mutating func integer<T: FixedWidthInteger & UnsignedInteger>(
    _: T.Type
  ) throws(CompressionError) -> T {
    guard left >= MemoryLayout<T>.size else { throw .malformed }
    defer { offset &+= MemoryLayout<T>.size }
    return T(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: T.self))
  }

  /// A number of one to eight bytes, the lowest first.
  mutating func integer(bytes count: Int) throws(CompressionError) -> UInt64 {
    var value: UInt64 = 0
    for index in 0..<count { value |= UInt64(try byte()) << UInt64(8 * index) }
    return value
  }

  @inline(__always)
  mutating func slice(_ count: Int) throws(CompressionError) -> UnsafeRawBufferPointer {
    guard count >= 0, count <= left else { throw .malformed }
    defer { offset &+= count }
    return UnsafeRawBufferPointer(rebasing: bytes[offset..<offset &+ count])
  }
}
