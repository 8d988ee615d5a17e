public import GodwitWire
public import NIOCore

/// Cuts a byte stream into control packets, for a server or a client.
///
/// A server's decoder learns the version from CONNECT; a client gives its own.
public struct MQTTDecoder: WireDecoder {
  /// What the decoder refuses.
  public struct Limits: Hashable, Sendable {
    /// The largest whole packet in bytes. Default 1 MiB; the protocol's own limit is 268,435,460.
    public var packetSizeMax = 1 << 20
    /// The largest CONNECT in bytes, which comes before anyone is known. Default 256 KiB.
    public var connectSizeMax = 256 << 10
    /// The most filters in one SUBSCRIBE or UNSUBSCRIBE. Default 1,024.
    public var filtersMax = 1024

    /// The defaults.
    public init() {}
  }

  /// What is refused.
  public var limits: Limits
  /// The connection's version; `nil` until CONNECT was decoded.
  public private(set) var version: MQTTVersion?

  /// - Parameters:
  ///   - version: what CONNECT agreed on, `nil` for a server that waits for it.
  ///   - limits: what to refuse.
  public init(version: MQTTVersion? = nil, limits: Limits = Limits()) {
    self.version = version
    self.limits = limits
  }

  /// Takes one whole packet from the front of `buffer`.
  ///
  /// - Throws: malformed packet, protocol error, packet too large, unsupported version, or topic
  ///   alias invalid: `reason` is what an MQTT 5.0 peer is told.
  public mutating func decode(_ buffer: inout ByteBuffer) throws(MQTTWireError) -> MQTTPacket? {
    let isFirst = version == nil
    let first = buffer.getInteger(at: buffer.readerIndex, as: UInt8.self)
    if isFirst, let first, first != MQTTPacketType.connect.rawValue << 4 {
      throw .protocolError("the first packet is not CONNECT")
    }
    let isConnect = first.map { $0 >> 4 == MQTTPacketType.connect.rawValue } ?? false
    let max = isConnect ? min(limits.connectSizeMax, limits.packetSizeMax) : limits.packetSizeMax
    let bytes = buffer
    let minimal = version == .v5
    let scan: Result<MQTTFixedHeader.Scan, MQTTWireError> = bytes.withUnsafeReadableBytes {
      pointer in
      do throws(MQTTWireError) {
        return .success(
          try MQTTFixedHeader.scan(pointer, packetSizeMax: max, minimal: minimal))
      } catch {
        return .failure(error)
      }
    }
    guard case .packet(let header) = try scan.get(),
      let packet = buffer.readSlice(length: header.packetSize)
    else { return nil }
    return try decode(header, packet)
  }

  private mutating func decode(
    _ header: MQTTFixedHeader, _ packet: ByteBuffer
  ) throws(MQTTWireError) -> MQTTPacket {
    guard let type = header.type else { throw .malformed("packet type 0") }
    var body = MQTTBody(packet, skipping: header.size)
    guard type != .connect else {
      let connect = try MQTTConnect(header, &body)
      version = connect.version
      return .connect(connect)
    }
    let version = version ?? .v311
    switch type {
    case .publish: return .publish(try Self.publish(header, packet, version))
    case .puback: return .puback(try Self.acknowledgement(header, packet, version))
    case .pubrec: return .pubrec(try Self.acknowledgement(header, packet, version))
    case .pubrel: return .pubrel(try Self.acknowledgement(header, packet, version))
    case .pubcomp: return .pubcomp(try Self.acknowledgement(header, packet, version))
    case .connack:
      try Self.checkFlags(header, 0)
      return .connack(try MQTTConnack(&body, version))
    case .subscribe:
      if version != .v31 { try Self.checkFlags(header, 0x02) }
      return .subscribe(try MQTTSubscribe(&body, version, requestsMax: limits.filtersMax))
    case .unsubscribe:
      if version != .v31 { try Self.checkFlags(header, 0x02) }
      return .unsubscribe(try MQTTUnsubscribe(&body, version, filtersMax: limits.filtersMax))
    case .suback:
      try Self.checkFlags(header, 0)
      return .suback(try MQTTSuback(&body, version, type))
    case .unsuback:
      try Self.checkFlags(header, 0)
      return .unsuback(try MQTTSuback(&body, version, type))
    case .disconnect:
      try Self.checkFlags(header, 0)
      return .disconnect(try MQTTDisconnect(&body, version))
    case .auth:
      try Self.checkFlags(header, 0)
      return .auth(try MQTTAuth(&body, version))
    case .pingreq, .pingresp, .connect:
      try Self.checkFlags(header, 0)
      try body.finish()
      return type == .pingreq ? .pingreq : .pingresp
    }
  }

  private static func checkFlags(
    _ header: MQTTFixedHeader, _ flags: UInt8
  ) throws(MQTTWireError) {
    guard header.first & 0x0F == flags else { throw .malformed("reserved flags are wrong") }
  }

  private static func publish(
    _ header: MQTTFixedHeader, _ packet: ByteBuffer, _ version: MQTTVersion
  ) throws(MQTTWireError) -> MQTTPublish {
    let checked: Result<MQTTPublishView, MQTTWireError> = packet.withUnsafeReadableBytes { bytes in
      do throws(MQTTWireError) {
        let view = try MQTTPublishView(bytes, header: header, version: version)
        let properties = UnsafeRawBufferPointer(rebasing: bytes[view.properties])
        try MQTTPropertyReader.validate(properties, in: .publish)
        let topic = UnsafeRawBufferPointer(rebasing: bytes[view.topic])
        if topic.isEmpty {
          guard version == .v5, hasAlias(properties) else {
            throw .protocolError("neither topic nor topic alias")
          }
        } else if !MQTTTopicName.isValid(topic) {
          throw .malformed("topic is ill-formed or has a wildcard")
        }
        return .success(view)
      } catch {
        return .failure(error)
      }
    }
    let view = try checked.get()
    return MQTTPublish(
      topic: slice(packet, view.topic), payload: slice(packet, view.payload), qos: view.qos,
      packetID: view.packetID, retain: view.retain, duplicate: view.duplicate,
      properties: MQTTProperties(validated: slice(packet, view.properties)))
  }

  private static func hasAlias(_ properties: UnsafeRawBufferPointer) -> Bool {
    var reader = MQTTPropertyReader(properties)
    while let property = try? reader.next() {
      if property.id == .topicAlias { return true }
    }
    return false
  }

  private static func acknowledgement(
    _ header: MQTTFixedHeader, _ packet: ByteBuffer, _ version: MQTTVersion
  ) throws(MQTTWireError) -> MQTTAcknowledgement {
    let checked: Result<MQTTAcknowledgementView, MQTTWireError> = packet.withUnsafeReadableBytes {
      bytes in
      do throws(MQTTWireError) {
        let view = try MQTTAcknowledgementView(bytes, header: header, version: version)
        try MQTTPropertyReader.validate(
          UnsafeRawBufferPointer(rebasing: bytes[view.properties]), in: .acknowledgement)
        return .success(view)
      } catch {
        return .failure(error)
      }
    }
    let view = try checked.get()
    return MQTTAcknowledgement(
      packetID: view.packetID, reason: view.reason,
      properties: MQTTProperties(validated: slice(packet, view.properties)))
  }

  /// A part of a packet that was checked to lie within it.
  private static func slice(_ packet: ByteBuffer, _ range: Range<Int>) -> ByteBuffer {
    packet.getSlice(at: packet.readerIndex + range.lowerBound, length: range.count) ?? ByteBuffer()
  }
}
