import GodwitWire
import NIOCore

/// Snappy as Kafka's clients have it: the frames of the Java library, which are sixteen bytes and
/// then blocks behind their lengths; or, from librdkafka, one raw block.
enum SnappyBlocks {
  private static let magic: [UInt8] = [0x82, 0x53, 0x4E, 0x41, 0x50, 0x50, 0x59, 0]
  /// Magic, version, lowest version that can read it.
  private static let headSize = 16
  private static let blockSize = 32 << 10

  static func decompress(
    _ bytes: UnsafeRawBufferPointer, sizeMax: Int
  ) throws(CompressionError) -> ByteBuffer {
    guard bytes.count >= headSize, bytes.prefix(magic.count).elementsEqual(magic) else {
      return try Snappy.decompress(bytes, sizeMax: sizeMax)
    }
    var output = ByteBuffer()
    var offset = headSize
    while offset < bytes.count {
      guard bytes.count - offset >= 4 else { throw .malformed }
      let size = Int(
        UInt32(bigEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt32.self)))
      offset += 4
      guard size <= bytes.count - offset else { throw .malformed }
      let block = UnsafeRawBufferPointer(rebasing: bytes[offset..<offset + size])
      var plain = try Snappy.decompress(block, sizeMax: sizeMax - output.readableBytes)
      output.writeBuffer(&plain)
      offset += size
    }
    return output
  }

  static func compress(_ bytes: UnsafeRawBufferPointer) -> ByteBuffer {
    var output = ByteBuffer(bytes: magic)
    output.writeMultipleIntegers(Int32(1), Int32(1))
    var start = 0
    while start < bytes.count {
      let end = min(start + blockSize, bytes.count)
      var block = Snappy.compress(UnsafeRawBufferPointer(rebasing: bytes[start..<end]))
      output.writeInteger(UInt32(truncatingIfNeeded: block.readableBytes))
      output.writeBuffer(&block)
      start = end
    }
    return output
  }
}
