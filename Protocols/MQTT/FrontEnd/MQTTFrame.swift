import GodwitEngine
import MQTTWire
import NIOCore

/// A message as this front end hands it to the engine: one whole PUBLISH packet that names its
/// topic in full and carries no topic alias and no subscription identifier.
///
/// That is `Publication.native` of every message of this protocol; `nativeForm` is the protocol
/// version of the packet, 4 for 3.1 and 3.1.1, 5 for 5.0.
struct MQTTFrame {
  static let form3: UInt8 = 4
  static let form5: UInt8 = 5
  /// `Publication.frameKind` of frames that every QoS 0 receiver of MQTT 3 gets as they are.
  static let kind3: UInt32 = 0x4D51_0004
  /// The same for MQTT 5.0.
  static let kind5: UInt32 = 0x4D51_0005

  let topic: UnsafeRawBufferPointer
  let properties: UnsafeRawBufferPointer
  let payload: UnsafeRawBufferPointer

  init(
    topic: UnsafeRawBufferPointer, properties: UnsafeRawBufferPointer,
    payload: UnsafeRawBufferPointer
  ) {
    self.topic = topic
    self.properties = properties
    self.payload = payload
  }

  /// The parts of a packet that this front end made or checked before; `nil` never happens then.
  init?(_ packet: UnsafeRawBufferPointer, form: UInt8) {
    guard packet.count >= 2, case .value(let bodySize, let size) = MQTTVarint.scan(packet, at: 1)
    else { return nil }
    let header = MQTTFixedHeader(first: packet[0], size: size &+ 1, bodySize: bodySize)
    guard header.packetSize == packet.count,
      let view = try? MQTTPublishView(
        packet, header: header, version: form == Self.form5 ? .v5 : .v31)
    else { return nil }
    topic = UnsafeRawBufferPointer(rebasing: packet[view.topic])
    properties = UnsafeRawBufferPointer(rebasing: packet[view.properties])
    payload = UnsafeRawBufferPointer(rebasing: packet[view.payload])
  }

  /// The message's frame when MQTT sent it.
  init?(_ publication: borrowing Publication, _ origin: Origin) {
    guard publication.origin == origin else { return nil }
    self.init(publication.native, form: publication.nativeForm)
  }

  /// A packet with another topic, and without the topic alias that stood for it.
  static func rebuild(
    name: [UInt8], properties: UnsafeRawBufferPointer, payload: UnsafeRawBufferPointer,
    version: MQTTVersion
  ) -> ByteBuffer {
    var list = MQTTProperties()
    if version == .v5 { list = MQTTProperties(properties, without: .topicAlias) }
    return list.bytes.withUnsafeReadableBytes { shared in
      name.withUnsafeBytes { topic in
        let head = MQTTPublishHead(
          qos: .atMostOnce, retain: false, duplicate: false, topic: topic, packetID: 0,
          version: version, ownProperties: UnsafeRawBufferPointer(start: nil, count: 0),
          sharedProperties: shared, payloadSize: payload.count)
        var packet = ByteBuffer()
        packet.writeWithUnsafeMutableBytes(minimumWritableBytes: head.size) { memory in
          guard let base = memory.baseAddress else { return 0 }
          head.write(to: base)
          return head.size
        }
        packet.writeBytes(payload)
        return packet
      }
    }
  }

  /// Where the value of the message expiry interval stands in the properties.
  var expiryOffset: Int? {
    var reader = MQTTPropertyReader(properties)
    while let property = try? reader.next() {
      guard property.id == .messageExpiryInterval, let base = properties.baseAddress,
        let value = property.raw.baseAddress
      else { continue }
      return value - base + 1
    }
    return nil
  }
}
