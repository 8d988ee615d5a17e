public import GodwitWire
public import NIOCore

/// The outermost form: four bytes of size, then that many bytes.
public enum KafkaFrame {
  /// What stands at the front of some bytes.
  public enum Scan: Hashable, Sendable {
    /// A frame that is not all there: how many bytes are needed from its beginning on, or 4 while
    /// that is not known.
    case incomplete(needed: Int)
    /// A whole frame: how many bytes it has, its four bytes of size included.
    case frame(size: Int)
  }

  /// How many bytes the size takes.
  public static var headSize: Int { 4 }

  /// Looks at the front of bytes.
  ///
  /// - Parameters:
  ///   - bytes: what has arrived.
  ///   - sizeMax: the largest size in bytes that is taken.
  /// - Throws: `tooLarge`, or `malformed` for a negative size.
  public static func scan(
    _ bytes: UnsafeRawBufferPointer, sizeMax: Int
  ) throws(KafkaWireError) -> Scan {
    guard bytes.count >= headSize else { return .incomplete(needed: headSize) }
    let size = Int(Int32(bigEndian: bytes.loadUnaligned(as: Int32.self)))
    try check(size, sizeMax)
    return bytes.count >= headSize + size
      ? .frame(size: headSize + size) : .incomplete(needed: headSize + size)
  }

  static func check(_ size: Int, _ sizeMax: Int) throws(KafkaWireError) {
    guard size >= 0 else { throw .malformed("a negative frame size") }
    guard size <= sizeMax else { throw KafkaWireError(.tooLarge, "a frame beyond the limit") }
  }

  /// Fills in the size of what was written.
  static func finish(_ writer: inout KafkaWriter) throws(KafkaWireError) -> [ByteBuffer] {
    let count = writer.count - headSize
    guard let size = Int32(exactly: count) else {
      throw KafkaWireError(.unrepresentable, "a frame of more than 2 GiB")
    }
    var pieces = writer.takePieces()
    pieces[0].setInteger(size, at: pieces[0].readerIndex)
    return pieces
  }
}

/// Cuts a byte stream into frames, for a server or a client.
public struct KafkaFrameDecoder: WireDecoder {
  /// What is refused.
  public var limits: KafkaLimits

  /// A decoder at the beginning of a stream.
  public init(limits: KafkaLimits = KafkaLimits()) {
    self.limits = limits
  }

  /// Takes one frame from the front of `buffer`, without its four bytes of size.
  ///
  /// - Throws: `tooLarge`, or `malformed` for a negative size.
  public mutating func decode(_ buffer: inout ByteBuffer) throws(KafkaWireError) -> ByteBuffer? {
    guard let size = buffer.getInteger(at: buffer.readerIndex, as: Int32.self) else { return nil }
    try KafkaFrame.check(Int(size), limits.frameSizeMax)
    guard buffer.readableBytes >= KafkaFrame.headSize + Int(size) else { return nil }
    buffer.moveReaderIndex(forwardBy: KafkaFrame.headSize)
    return buffer.readSlice(length: Int(size))
  }
}
