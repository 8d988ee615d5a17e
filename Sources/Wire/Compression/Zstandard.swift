public import NIOCore

/// Zstandard (RFC 8878). What is compressed here stands in blocks that are raw, or one byte
/// repeated: every decoder reads it, but it saves little.
public enum Zstandard {
  private static let magic: UInt32 = 0xFD2F_B528
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
        try frame(&input, &output, sizeMax: sizeMax)
      }
    } while !input.isAtEnd
    return output.buffer()
  }

  private static func frame(
    _ input: inout CompressionInput, _ output: inout CompressionOutput, sizeMax: Int
  ) throws(CompressionError) {
    let flags = try input.byte()
    guard flags & 8 == 0 else { throw .malformed }
    let isSingle = flags & 0x20 != 0
    // The window may be as large as it likes: what is kept is what comes out.
    if !isSingle { _ = try input.byte() }
    let dictionary = try input.integer(bytes: [0, 1, 2, 4][flags & 3])
    guard dictionary == 0 else { throw .unsupported }
    let sizeBytes = [isSingle ? 1 : 0, 2, 4, 8][flags >> 6]
    let size = sizeBytes > 0 ? try input.integer(bytes: sizeBytes) : nil
    let contentSize = size.map { sizeBytes == 2 ? $0 + 256 : $0 }
    if let contentSize, contentSize > UInt64(max(sizeMax, 0)) { throw .tooLarge }
    let start = output.count
    var blocks = ZstandardBlocks()
    var isLast = false
    while !isLast {
      let head = Int(try input.integer(bytes: 3))
      isLast = head & 1 == 1
      let size = head >> 3
      guard size <= ZstandardBlocks.sizeMax else { throw .malformed }
      switch head >> 1 & 3 {
      case 0: try output.append(try input.slice(size))
      case 1: try output.fill(UInt8(try input.byte()), count: size)
      case 2: try blocks.decompress(try input.slice(size), &output, from: start)
      default: throw .malformed
      }
    }
    if let contentSize, contentSize != UInt64(output.count - start) { throw .malformed }
    if flags & 4 != 0 {
      let sum = UInt32(truncatingIfNeeded: XXHash64.hash(output.bytes(from: start)))
      guard try input.integer(UInt32.self) == sum else { throw .checksum }
    }
  }

  /// Puts bytes into one frame, in blocks that are raw, or one byte repeated.
  public static func compress(_ bytes: UnsafeRawBufferPointer) -> ByteBuffer {
    var output = ByteBuffer()
    output.reserveCapacity(bytes.count + 32)
    output.writeInteger(magic, endianness: .little)
    if bytes.count < 256 {
      output.writeInteger(UInt8(0x20))
      output.writeInteger(UInt8(bytes.count))
    } else {
      output.writeInteger(UInt8(0xE0))
      output.writeInteger(UInt64(bytes.count), endianness: .little)
    }
    var start = 0
    repeat {
      let end = min(start + ZstandardBlocks.sizeMax, bytes.count)
      let block = UnsafeRawBufferPointer(rebasing: bytes[start..<end])
      let isRun = block.count > 1 && block.allSatisfy { $0 == block[0] }
      let head = (end == bytes.count ? 1 : 0) | (isRun ? 2 : 0) | block.count << 3
      output.writeInteger(UInt16(truncatingIfNeeded: head), endianness: .little)
      output.writeInteger(UInt8(truncatingIfNeeded: head >> 16))
      if isRun { output.writeInteger(block[0]) } else { output.writeBytes(block) }
      start = end
    } while start < bytes.count
    return output
  }
}
