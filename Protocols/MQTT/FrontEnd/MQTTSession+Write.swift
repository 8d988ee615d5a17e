import GodwitEngine
import GodwitFrontEndKit
import MQTTWire
import NIOCore

/// How one PUBLISH goes to one client.
struct MQTTWrite {
  var qos: MQTTQoS
  var retain: Bool
  var duplicate: Bool
  var packetID: UInt16
  /// Encoded subscription identifiers.
  var identifiers: UnsafeRawBufferPointer
}

extension MQTTSession {
  /// Writes a message in the client's own form.
  ///
  /// - Returns: `false` when it is too large for the client, or MQTT cannot say its topic; it
  ///   counts as dropped then (MQTT-3.1.2-24).
  func write(
    _ publication: inout Publication, _ how: MQTTWrite, _ connection: Connection
  ) -> Bool {
    if let frame = MQTTFrame(publication, origin) {
      return write(frame, publication.expiresAt, how, connection)
    }
    let frontEnd = frontEnd
    let bytes = publication.sharedFrame(kind: MQTTFrame.kind5) { publication in
      MQTTEnvelope.packet(
        of: &publication, frontEnd.engine, checksPayload: frontEnd.settings.checksPayloadFormat)
    }
    let expiresAt = publication.expiresAt
    return bytes.withUnsafeReadableBytes { packet in
      guard let frame = MQTTFrame(packet, form: MQTTFrame.form5) else {
        frontEnd.dropped()
        return false
      }
      return write(frame, expiresAt, how, connection)
    }
  }

  private func write(
    _ frame: MQTTFrame, _ expiresAt: Int64, _ how: MQTTWrite, _ connection: Connection
  ) -> Bool {
    let is5 = version == .v5
    let none = UnsafeRawBufferPointer(start: nil, count: 0)
    var head = MQTTPublishHead(
      qos: how.qos, retain: how.retain, duplicate: how.duplicate, topic: frame.topic,
      packetID: how.packetID, version: version, ownProperties: is5 ? how.identifiers : none,
      sharedProperties: is5 ? frame.properties : none, payloadSize: frame.payload.count)
    var isNewAlias = false
    if let aliases, let alias = aliases.alias(of: frame.topic) {
      head.topicAlias = alias.number
      if alias.isKnown { head.topic = none } else { isNewAlias = true }
    }
    let size = head.packetSize
    guard size <= packetSizeMax else {
      frontEnd.dropped()
      return false
    }
    let expiryOffset = is5 && expiresAt > 0 ? frame.expiryOffset : nil
    let payload = frame.payload
    connection.append(count: size) { memory in
      guard let base = memory.baseAddress else { return }
      let body = head.write(to: base)
      if let source = payload.baseAddress {
        body.copyMemory(from: source, byteCount: payload.count)
      }
      if let expiryOffset {
        // The shared properties end where the payload begins.
        let value = body - frame.properties.count + expiryOffset
        value.storeBytes(of: self.remaining(expiresAt).bigEndian, as: UInt32.self)
      }
    }
    if isNewAlias { aliases?.learned(frame.topic) }
    connection.counters.messagesOut &+= 1
    counters.pointee.sent(size, payload: payload.count)
    return true
  }

  /// Whole seconds that a message still has, rounded up.
  private func remaining(_ expiresAt: Int64) -> UInt32 {
    let left = max(0, expiresAt &- frontEnd.engine.now)
    return UInt32(clamping: (left &+ 999_999_999) / 1_000_000_000)
  }
}
