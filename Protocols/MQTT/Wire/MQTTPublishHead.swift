/// Writes what precedes the payload of a PUBLISH into memory of known size.
///
/// The parts are the encoded topic, and properties without their length, of which two runs are
/// joined: what differs per receiver (alias, identifiers, remaining expiry) and what is shared.
public struct MQTTPublishHead {
  /// Type and flags.
  public var first: UInt8
  /// The topic, at most 65,535 bytes; empty when an alias stands for it.
  public var topic: UnsafeRawBufferPointer
  /// A topic alias of this receiver; 0 for none. Only from 5.0 on.
  public var topicAlias: UInt16 = 0
  /// 0 with QoS 0.
  public var packetID: UInt16
  /// The connection's version; without properties before 5.0.
  public var version: MQTTVersion
  /// Properties of this receiver.
  public var ownProperties: UnsafeRawBufferPointer
  /// Properties that every receiver gets.
  public var sharedProperties: UnsafeRawBufferPointer
  /// How many bytes of payload follow.
  public var payloadSize: Int

  /// The parts of a packet.
  @inlinable
  public init(
    qos: MQTTQoS, retain: Bool, duplicate: Bool, topic: UnsafeRawBufferPointer, packetID: UInt16,
    version: MQTTVersion, ownProperties: UnsafeRawBufferPointer,
    sharedProperties: UnsafeRawBufferPointer, payloadSize: Int
  ) {
    self.first =
      MQTTPacketType.publish.rawValue << 4 | (duplicate ? 0x08 : 0) | qos.rawValue << 1
      | (retain ? 0x01 : 0)
    self.topic = topic
    self.packetID = packetID
    self.version = version
    self.ownProperties = ownProperties
    self.sharedProperties = sharedProperties
    self.payloadSize = payloadSize
  }

  @inlinable
  var propertiesSize: Int {
    ownProperties.count &+ sharedProperties.count &+ (topicAlias == 0 ? 0 : 3)
  }

  /// Bytes after the fixed header, payload included.
  @inlinable
  public var bodySize: Int {
    var size = 2 &+ topic.count &+ payloadSize
    if first & 0x06 != 0 { size &+= 2 }
    if version == .v5 { size &+= MQTTVarint.size(propertiesSize) &+ propertiesSize }
    return size
  }

  /// Bytes of the whole packet, payload included.
  @inlinable
  public var packetSize: Int {
    let bodySize = bodySize
    return 1 &+ MQTTVarint.size(bodySize) &+ bodySize
  }

  /// Bytes of what precedes the payload.
  @inlinable public var size: Int { packetSize &- payloadSize }

  /// Writes `size` bytes, which `memory` has room for, and returns where the payload belongs.
  @inlinable @discardableResult
  public func write(to memory: UnsafeMutableRawPointer) -> UnsafeMutableRawPointer {
    var write = memory
    write.storeBytes(of: first, as: UInt8.self)
    write += 1
    write += MQTTVarint.write(bodySize, to: write)
    write.storeBytes(
      of: UInt16(truncatingIfNeeded: topic.count).bigEndian, as: UInt16.self)
    write += 2
    copy(topic, &write)
    if first & 0x06 != 0 {
      write.storeBytes(of: packetID.bigEndian, as: UInt16.self)
      write += 2
    }
    if version == .v5 {
      write += MQTTVarint.write(propertiesSize, to: write)
      if topicAlias != 0 {
        write.storeBytes(of: MQTTPropertyID.topicAlias.rawValue, as: UInt8.self)
        (write + 1).storeBytes(of: topicAlias.bigEndian, as: UInt16.self)
        write += 3
      }
      copy(ownProperties, &write)
      copy(sharedProperties, &write)
    }
    return write
  }

  @inlinable @inline(__always)
  func copy(_ bytes: UnsafeRawBufferPointer, _ write: inout UnsafeMutableRawPointer) {
    guard let base = bytes.baseAddress, bytes.count > 0 else { return }
    write.copyMemory(from: base, byteCount: bytes.count)
    write += bytes.count
  }
}
