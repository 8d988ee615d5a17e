/// A PUBACK, PUBREC, PUBREL or PUBCOMP where it stands in received bytes.
public struct MQTTAcknowledgementView: Hashable, Sendable {
  /// Of the message that it is about: 1 to 65,535.
  public var packetID: UInt16
  /// Always success before MQTT 5.0.
  public var reason: MQTTReasonCode
  /// The properties without their length, as offsets from the packet's first byte; not checked.
  public var properties: Range<Int>

  /// Finds the parts of a packet.
  ///
  /// - Parameters:
  ///   - packet: exactly one packet, as long as `header.packetSize`.
  ///   - header: its fixed header, of one of the four types.
  ///   - version: the connection's version.
  /// - Throws: malformed packet, or protocol error for packet identifier 0 or a reason code that
  ///   the packet may not carry.
  public init(
    _ packet: UnsafeRawBufferPointer, header: MQTTFixedHeader, version: MQTTVersion
  ) throws(MQTTWireError) {
    let isRelease = header.first >> 4 == MQTTPacketType.pubrel.rawValue
    // MQTT 3.1 lets a repeated PUBREL carry DUP, and says nothing of reserved flags.
    guard version == .v31 || header.first & 0x0F == (isRelease ? 0x02 : 0) else {
      throw .malformed("reserved flags are wrong")
    }
    var offset = header.size
    guard packet.count >= offset &+ 2 else { throw .malformed("acknowledgement is cut short") }
    packetID = UInt16(bigEndian: packet.loadUnaligned(fromByteOffset: offset, as: UInt16.self))
    guard packetID != 0 else { throw .protocolError("packet identifier 0") }
    offset &+= 2
    reason = .success
    properties = offset..<offset
    guard offset < packet.count else { return }
    guard version == .v5 else { throw .malformed("bytes after an acknowledgement") }
    reason = MQTTReasonCode(rawValue: packet[offset])
    offset &+= 1
    guard let type = header.type, reason.isAllowed(in: type) else {
      throw .protocolError("reason code not allowed in an acknowledgement")
    }
    properties = offset..<offset
    guard offset < packet.count else { return }
    guard case .value(let size, let lengthSize) = MQTTVarint.scan(packet, at: offset) else {
      throw .malformed("property length is wrong")
    }
    offset &+= lengthSize
    guard size == packet.count &- offset else {
      throw .malformed("properties do not fill the acknowledgement")
    }
    properties = offset..<packet.count
  }
}
