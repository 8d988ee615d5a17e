import NIOCore

/// Writes DEFLATE: one block with the fixed codes, or stored blocks where those are smaller.
struct DeflateEncoder {
  private var output = ByteBuffer()
  private var bits: UInt64 = 0
  private var count: UInt64 = 0

  /// The compressed form of bytes.
  static func deflate(_ bytes: UnsafeRawBufferPointer) -> ByteBuffer {
    var encoder = DeflateEncoder()
    encoder.fixed(bytes)
    let storedSize = bytes.count + 5 * (bytes.count / 65_535 + 1)
    return encoder.output.readableBytes <= storedSize ? encoder.output : stored(bytes)
  }

  private static func stored(_ bytes: UnsafeRawBufferPointer) -> ByteBuffer {
    var output = ByteBuffer()
    var start = 0
    repeat {
      let end = min(start + 65_535, bytes.count)
      output.writeInteger(UInt8(end == bytes.count ? 1 : 0))
      output.writeInteger(UInt16(end - start), endianness: .little)
      output.writeInteger(~UInt16(end - start), endianness: .little)
      output.writeBytes(UnsafeRawBufferPointer(rebasing: bytes[start..<end]))
      start = end
    } while start < bytes.count
    return output
  }

  private mutating func fixed(_ bytes: UnsafeRawBufferPointer) {
    write(1 | 1 << 1, 3)
    var finder = MatchFinder(bytes, windowMax: 32_768, lengthMax: 258)
    var start = 0
    while let match = finder.next() {
      for byte in bytes[start..<match.offset] { symbol(Int(byte)) }
      length(match.length)
      distance(match.distance)
      start = match.offset + match.length
    }
    for byte in bytes[start...] { symbol(Int(byte)) }
    symbol(256)
    if count > 0 { write(0, 8 - count) }
  }

  private mutating func length(_ length: Int) {
    let index = (Deflate.lengthBases.lastIndex { $0 <= length }) ?? 0
    symbol(257 + index)
    write(
      UInt64(length - Deflate.lengthBases[index]), UInt64(Deflate.lengthBits[index]))
  }

  private mutating func distance(_ distance: Int) {
    let index = (Deflate.distanceBases.lastIndex { $0 <= distance }) ?? 0
    reversed(UInt64(index), 5)
    write(
      UInt64(distance - Deflate.distanceBases[index]), UInt64(Deflate.distanceBits[index]))
  }

  /// A symbol in the fixed code of literals and lengths (RFC 1951, 3.2.6).
  private mutating func symbol(_ symbol: Int) {
    let value = UInt64(symbol)
    switch symbol {
    case ..<144: reversed(0x30 + value, 8)
    case ..<256: reversed(0x190 + value - 144, 9)
    case ..<280: reversed(value - 256, 7)
    default: reversed(0xC0 + value - 280, 8)
    }
  }

  /// Codes stand with their highest bit first.
  private mutating func reversed(_ code: UInt64, _ width: UInt64) {
    var result: UInt64 = 0
    for bit in 0..<width where code >> bit & 1 == 1 { result |= 1 << (width - 1 - bit) }
    write(result, width)
  }

  private mutating func write(_ value: UInt64, _ width: UInt64) {
    bits |= value << count
    count += width
    while count >= 8 {
      output.writeInteger(UInt8(truncatingIfNeeded: bits))
      bits >>= 8
      count -= 8
    }
  }
}
