/// A PUBLISH where it stands in received bytes. Offsets count from the packet's first byte.
///
/// This is the hot path: nothing is copied or allocated. Topic and properties are located, not
/// checked: `MQTTTopicName.isValid` and `MQTTPropertyReader.validate` do that.
public struct MQTTPublishView: Hashable, Sendable {
  /// The topic; empty when a topic alias stands for it.
  public var topic: Range<Int>
  /// The properties without their length; empty before MQTT 5.0.
  public var properties: Range<Int>
  /// The message.
  public var payload: Range<Int>
  /// 0 with QoS 0, else 1 to 65,535.
  public var packetID: UInt16
  /// Quality of service.
  public var qos: MQTTQoS
  /// Whether it may have been sent before.
  public var duplicate: Bool
  /// Whether to retain it.
  public var retain: Bool

  /// Finds the parts of a packet.
  ///
  /// - Parameters:
  ///   - packet: exactly one packet, as long as `header.packetSize`.
  ///   - header: its fixed header, of type PUBLISH.
  ///   - version: the connection's version.
  /// - Throws: malformed packet, or protocol error for packet identifier 0.
  @inlinable
  public init(
    _ packet: UnsafeRawBufferPointer, header: MQTTFixedHeader, version: MQTTVersion
  ) throws(MQTTWireError) {
    guard let qos = MQTTQoS(rawValue: header.first >> 1 & 0x03) else {
      throw Self.error("QoS 3")
    }
    self.qos = qos
    duplicate = header.first & 0x08 != 0
    retain = header.first & 0x01 != 0
    guard qos != .atMostOnce || !duplicate || version == .v31 else {
      throw Self.error("DUP with QoS 0")
    }
    var offset = header.size
    let end = packet.count
    guard offset &+ 2 <= end else { throw Self.error("topic is cut short") }
    let topicSize = Int(
      UInt16(bigEndian: packet.loadUnaligned(fromByteOffset: offset, as: UInt16.self)))
    offset &+= 2
    guard topicSize <= end &- offset else { throw Self.error("topic is cut short") }
    topic = offset..<offset &+ topicSize
    offset &+= topicSize
    packetID = 0
    if qos != .atMostOnce {
      guard offset &+ 2 <= end else { throw Self.error("packet identifier is missing") }
      packetID = UInt16(
        bigEndian: packet.loadUnaligned(fromByteOffset: offset, as: UInt16.self))
      guard packetID != 0 else { throw Self.packetIDError() }
      offset &+= 2
    }
    if version == .v5 {
      guard case .value(let size, let lengthSize) = MQTTVarint.scan(packet, at: offset) else {
        throw Self.error("property length is wrong")
      }
      offset &+= lengthSize
      guard size <= end &- offset else { throw Self.error("properties are cut short") }
      properties = offset..<offset &+ size
      offset &+= size
    } else {
      properties = offset..<offset
    }
    payload = offset..<end
  }

  @inline(never) @usableFromInline
  static func packetIDError() -> MQTTWireError { .protocolError("packet identifier 0") }

  @inline(never) @usableFromInline
  static func error(_ message: StaticString) -> MQTTWireError { .malformed(message) }
}
