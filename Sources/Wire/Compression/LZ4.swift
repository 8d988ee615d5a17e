public import NIOCore

/// LZ4 in its frame format 1.6: blocks, dependent on each other or not, with or without checksums.
public enum LZ4 {
  private static let magic: UInt32 = 0x184D_2204
  private static let skippable: UInt32 = 0x184D_2A50

  /// Decompresses frames, one behind another.
  ///
  /// - Parameters:
  ///   - bytes: whole frames.
  ///   - sizeMax: the most bytes that may come out.
  /// - Throws: `malformed`, `checksum`, `tooLarge`, `unsupported` for a dictionary.
  public static func decompress(
    _ bytes: UnsafeRawBufferPointer, sizeMax: Int
  ) throws(CompressionError) -> ByteBuffer {
    var input = CompressionInput(bytes)
    var output = CompressionOutput(limit: sizeMax, expected: bytes.count &* 4)
    repeat {
      let magic = try input.integer(UInt32.self)
      if magic & ~0xF == skippable {
        _ = try input.slice(Int(try input.integer(UInt32.self)))
      } else {
        guard magic == self.magic else { throw .malformed }
        try frame(&input, &output)
      }
    } while !input.isAtEnd
    return output.buffer()
  }

  private static func frame(
    _ input: inout CompressionInput, _ output: inout CompressionOutput
  ) throws(CompressionError) {
    let descriptorStart = input.offset
    let flags = try input.byte()
    let sizes = try input.byte()
    guard flags >> 6 == 1, flags & 2 == 0, sizes & 0x8F == 0, sizes >> 4 >= 4 else {
      throw .malformed
    }
    let blockMax = 1 << (8 + 2 * (sizes >> 4))
    let contentSize = flags & 8 != 0 ? try input.integer(UInt64.self) : nil
    guard flags & 1 == 0 else { throw .unsupported }
    let descriptor = UnsafeRawBufferPointer(
      rebasing: input.bytes[descriptorStart..<input.offset])
    let sum = try input.byte()
    guard sum == Int(XXHash32.hash(descriptor) >> 8 & 0xFF) else { throw .checksum }
    let start = output.count
    while true {
      let head = try input.integer(UInt32.self)
      if head == 0 { break }
      let size = Int(head & 0x7FFF_FFFF)
      guard size <= blockMax else { throw .malformed }
      let block = try input.slice(size)
      if flags & 0x10 != 0 {
        guard try input.integer(UInt32.self) == XXHash32.hash(block) else { throw .checksum }
      }
      let before = output.count
      if head >> 31 == 1 {
        try output.append(block)
      } else {
        let isIndependent = flags & 0x20 != 0
        try self.block(block, &output, from: isIndependent ? before : start)
      }
      guard output.count - before <= blockMax else { throw .malformed }
    }
    if let contentSize, contentSize != output.count - start { throw .malformed }
    if flags & 4 != 0 {
      let sum = XXHash32.hash(output.bytes(from: start))
      guard try input.integer(UInt32.self) == sum else { throw .checksum }
    }
  }

  private static func block(
    _ bytes: UnsafeRawBufferPointer, _ output: inout CompressionOutput, from start: Int
  ) throws(CompressionError) {
    var input = CompressionInput(bytes)
    while true {
      let token = try input.byte()
      let literals = try length(token >> 4, &input)
      try output.append(try input.slice(literals))
      // The last sequence has literals only.
      if input.isAtEnd { return }
      let distance = Int(try input.integer(UInt16.self))
      let count = 4 + (try length(token & 0xF, &input))
      try output.repeatBack(distance, count: count, from: start)
    }
  }

  /// Bytes of 255 are added to 15 until another one ends it. Bounded by the input: each byte adds
  /// at most 255.
  @inline(__always)
  private static func length(
    _ start: Int, _ input: inout CompressionInput
  ) throws(CompressionError) -> Int {
    guard start == 15 else { return start }
    var length = start
    while true {
      let byte = try input.byte()
      length &+= byte
      if byte < 255 { return length }
    }
  }

  /// Compresses bytes into one frame of independent blocks of 64 KiB, without checksums but the
  /// header's.
  public static func compress(_ bytes: UnsafeRawBufferPointer) -> ByteBuffer {
    var output = ByteBuffer()
    output.reserveCapacity(bytes.count / 2 + 32)
    output.writeInteger(magic, endianness: .little)
    let descriptor: [UInt8] = [0x60, 0x40]
    output.writeBytes(descriptor)
    output.writeInteger(
      UInt8(truncatingIfNeeded: descriptor.withUnsafeBytes { XXHash32.hash($0) } >> 8))
    var start = 0
    while start < bytes.count {
      let end = min(start + 65_536, bytes.count)
      let plain = UnsafeRawBufferPointer(rebasing: bytes[start..<end])
      let block = compressBlock(plain)
      if block.readableBytes < plain.count {
        output.writeInteger(UInt32(block.readableBytes), endianness: .little)
        output.writeImmutableBuffer(block)
      } else {
        output.writeInteger(UInt32(plain.count) | 1 << 31, endianness: .little)
        output.writeBytes(plain)
      }
      start = end
    }
    output.writeInteger(UInt32(0), endianness: .little)
    return output
  }

  private static func compressBlock(_ bytes: UnsafeRawBufferPointer) -> ByteBuffer {
    var output = ByteBuffer()
    // The last five bytes are literals, and no match begins in the last twelve.
    var finder = MatchFinder(bytes, windowMax: 65_535, quiet: 12, tail: 5)
    var start = 0
    while let match = finder.next() {
      let literals = match.offset - start
      token(literals, match.length - 4, &output)
      extra(literals, &output)
      output.writeBytes(UnsafeRawBufferPointer(rebasing: bytes[start..<match.offset]))
      output.writeInteger(UInt16(match.distance), endianness: .little)
      extra(match.length - 4, &output)
      start = match.offset + match.length
    }
    token(bytes.count - start, 0, &output)
    extra(bytes.count - start, &output)
    output.writeBytes(UnsafeRawBufferPointer(rebasing: bytes[start...]))
    return output
  }

  private static func token(_ literals: Int, _ match: Int, _ output: inout ByteBuffer) {
    output.writeInteger(UInt8(min(literals, 15) << 4 | min(match, 15)))
  }

  private static func extra(_ length: Int, _ output: inout ByteBuffer) {
    guard length >= 15 else { return }
    var left = length - 15
    while left >= 255 {
      output.writeInteger(UInt8(255))
      left -= 255
    }
    output.writeInteger(UInt8(left))
  }
}
