/// The first two to five bytes of a packet (MQTT 5.0, 2.1).
public struct MQTTFixedHeader: Hashable, Sendable {
  /// Type and flags as they stand on the wire.
  public var first: UInt8
  /// Bytes that the header takes: 2 to 5.
  public var size: Int
  /// Bytes that follow the header.
  public var bodySize: Int

  /// Header and body.
  @inlinable public var packetSize: Int { size &+ bodySize }

  /// The type; `nil` for the reserved type 0.
  @inlinable public var type: MQTTPacketType? { MQTTPacketType(rawValue: first >> 4) }

  /// What the front of a byte stream holds.
  public enum Scan: Hashable, Sendable {
    /// A whole packet.
    case packet(MQTTFixedHeader)
    /// At least that many further bytes are needed.
    case needs(Int)
  }

  /// A header with the given parts.
  @inlinable
  public init(first: UInt8, size: Int, bodySize: Int) {
    self.first = first
    self.size = size
    self.bodySize = bodySize
  }

  /// Looks at the front of `bytes`, without waiting for the body of a packet that is refused.
  ///
  /// - Parameters:
  ///   - bytes: received bytes from the start of a packet on.
  ///   - packetSizeMax: the largest whole packet in bytes.
  ///   - minimal: whether an overlong length is an error, as in MQTT 5.0.
  /// - Throws: malformed packet for a length over four bytes or the reserved type 0, packet too
  ///   large beyond the limit.
  @inlinable
  public static func scan(
    _ bytes: UnsafeRawBufferPointer, packetSizeMax: Int, minimal: Bool
  ) throws(MQTTWireError) -> Scan {
    guard bytes.count >= 2 else { return .needs(2 &- bytes.count) }
    let header: MQTTFixedHeader
    switch MQTTVarint.scan(bytes, at: 1) {
    case .value(let bodySize, let size):
      header = MQTTFixedHeader(first: bytes[0], size: size &+ 1, bodySize: bodySize)
    case .incomplete: return .needs(1)
    case .tooLong: throw lengthError()
    case .notMinimal(let bodySize, let size):
      guard !minimal else { throw lengthError() }
      header = MQTTFixedHeader(first: bytes[0], size: size &+ 1, bodySize: bodySize)
    }
    guard header.packetSize <= packetSizeMax else { throw sizeError() }
    let missing = header.packetSize &- bytes.count
    return missing > 0 ? .needs(missing) : .packet(header)
  }

  @inline(never) @usableFromInline
  static func lengthError() -> MQTTWireError {
    .malformed("remaining length is not minimal or longer than four bytes")
  }

  @inline(never) @usableFromInline
  static func sizeError() -> MQTTWireError {
    MQTTWireError(.packetTooLarge, "packet larger than the maximum packet size")
  }
}
