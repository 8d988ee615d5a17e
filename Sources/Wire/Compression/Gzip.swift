import GodwitPrimitives
public import NIOCore

/// gzip (RFC 1952).
public enum Gzip {
  /// Decompresses members, one behind another.
  ///
  /// - Parameters:
  ///   - bytes: whole members.
  ///   - sizeMax: the most bytes that may come out.
  /// - Throws: `malformed`, `checksum`, `tooLarge`.
  public static func decompress(
    _ bytes: UnsafeRawBufferPointer, sizeMax: Int
  ) throws(CompressionError) -> ByteBuffer {
    var input = CompressionInput(bytes)
    var output = CompressionOutput(limit: sizeMax, expected: bytes.count &* 4)
    repeat {
      try header(&input)
      let start = output.count
      try Deflate.inflate(&input, &output)
      let plain = output.bytes(from: start)
      guard try input.integer(UInt32.self) == CRC32.checksum(plain) else { throw .checksum }
      guard try input.integer(UInt32.self) == UInt32(truncatingIfNeeded: plain.count) else {
        throw .malformed
      }
    } while !input.isAtEnd
    return output.buffer()
  }

  private static func header(_ input: inout CompressionInput) throws(CompressionError) {
    let start = input.offset
    guard try input.integer(UInt16.self) == 0x8B1F, try input.byte() == 8 else { throw .malformed }
    let flags = try input.byte()
    guard flags & 0xE0 == 0 else { throw .malformed }
    // The time of the file, how it was compressed, and where.
    _ = try input.slice(6)
    if flags & 0x04 != 0 { _ = try input.slice(Int(try input.integer(UInt16.self))) }
    // A name and a comment, each up to a zero.
    for flag in [0x08, 0x10] where flags & flag != 0 {
      while try input.byte() != 0 {}
    }
    if flags & 0x02 != 0 {
      let head = UnsafeRawBufferPointer(rebasing: input.bytes[start..<input.offset])
      let sum = UInt16(truncatingIfNeeded: CRC32.checksum(head))
      guard try input.integer(UInt16.self) == sum else { throw .checksum }
    }
  }

  /// Compresses bytes into one member.
  public static func compress(_ bytes: UnsafeRawBufferPointer) -> ByteBuffer {
    var output = ByteBuffer(bytes: [0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 0xFF])
    output.writeImmutableBuffer(DeflateEncoder.deflate(bytes))
    output.writeInteger(CRC32.checksum(bytes), endianness: .little)
    output.writeInteger(UInt32(truncatingIfNeeded: bytes.count), endianness: .little)
    return output
  }
}
