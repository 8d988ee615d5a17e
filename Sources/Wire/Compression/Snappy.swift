public import NIOCore

/// Snappy's raw format: a length, then literals and repetitions.
public enum Snappy {
  /// Decompresses bytes.
  ///
  /// - Parameters:
  ///   - bytes: one compressed block.
  ///   - sizeMax: the most bytes that may come out.
  /// - Throws: `malformed`, `tooLarge`.
  public static func decompress(
    _ bytes: UnsafeRawBufferPointer, sizeMax: Int
  ) throws(CompressionError) -> ByteBuffer {
    var input = CompressionInput(bytes)
    let size = try length(&input)
    guard size <= sizeMax else { throw .tooLarge }
    // Each element takes at least a byte and gives at most 64, literals excepted, which take more.
    var output = CompressionOutput(limit: size, expected: min(size, bytes.count &* 64))
    while !input.isAtEnd { try element(&input, &output) }
    guard output.count == size else { throw .malformed }
    return output.buffer()
  }

  private static func length(_ input: inout CompressionInput) throws(CompressionError) -> Int {
    var length = 0
    var shift = 0
    while shift < 35 {
      let byte = try input.byte()
      length |= (byte & 0x7F) << shift
      if byte < 0x80 {
        guard length <= UInt32.max else { throw .malformed }
        return length
      }
      shift += 7
    }
    throw .malformed
  }

  @inline(__always)
  private static func element(
    _ input: inout CompressionInput, _ output: inout CompressionOutput
  ) throws(CompressionError) {
    let tag = try input.byte()
    switch tag & 3 {
    case 0:
      var count = tag >> 2
      if count >= 60 { count = Int(try input.integer(bytes: count - 59)) }
      try output.append(try input.slice(count + 1))
    case 1:
      let distance = (tag >> 5) << 8 | (try input.byte())
      try output.repeatBack(distance, count: 4 + (tag >> 2 & 7))
    case 2:
      try output.repeatBack(Int(try input.integer(UInt16.self)), count: 1 + (tag >> 2))
    default:
      try output.repeatBack(Int(try input.integer(UInt32.self)), count: 1 + (tag >> 2))
    }
  }

  /// Compresses bytes: at most 4 GiB less one byte of them.
  public static func compress(_ bytes: UnsafeRawBufferPointer) -> ByteBuffer {
    var output = ByteBuffer()
    output.reserveCapacity(bytes.count / 2 + 16)
    var length = UInt32(truncatingIfNeeded: bytes.count)
    while length >= 0x80 {
      output.writeInteger(UInt8(truncatingIfNeeded: length) | 0x80)
      length >>= 7
    }
    output.writeInteger(UInt8(truncatingIfNeeded: length))
    var finder = MatchFinder(bytes, windowMax: 32_768)
    var start = 0
    while let match = finder.next() {
      literal(bytes, start..<match.offset, &output)
      copy(match, &output)
      start = match.offset + match.length
    }
    literal(bytes, start..<bytes.count, &output)
    return output
  }

  private static func literal(
    _ bytes: UnsafeRawBufferPointer, _ range: Range<Int>, _ output: inout ByteBuffer
  ) {
    guard !range.isEmpty else { return }
    let count = range.count - 1
    if count < 60 {
      output.writeInteger(UInt8(count << 2))
    } else if count < 1 << 16 {
      output.writeInteger(UInt8(61 << 2))
      output.writeInteger(UInt16(count), endianness: .little)
    } else {
      output.writeInteger(UInt8(63 << 2))
      output.writeInteger(UInt32(truncatingIfNeeded: count), endianness: .little)
    }
    output.writeBytes(UnsafeRawBufferPointer(rebasing: bytes[range]))
  }

  private static func copy(_ match: MatchFinder.Match, _ output: inout ByteBuffer) {
    var left = match.length
    while left > 0 {
      let count = min(left, 64)
      output.writeInteger(UInt8((count - 1) << 2 | 2))
      output.writeInteger(UInt16(match.distance), endianness: .little)
      left -= count
    }
  }
}
