import GodwitEngine
import MQTTWire
import NIOCore

/// A will, ready to be published (MQTT 5.0, 3.1.2.5).
struct MQTTWill {
  /// The message as one PUBLISH packet; see `MQTTFrame`.
  var packet: ByteBuffer
  /// The packet's form.
  var form: UInt8
  /// Where it goes.
  var topic: MQTTResolvedTopic
  var qos: MQTTQoS
  var retain: Bool
  /// How long to wait after the connection ended, in seconds.
  var delaySeconds: UInt32
  /// How long the message lives once published, in seconds; `nil` for ever.
  var expirySeconds: UInt32?
  /// Whose will it is, once the connection is gone.
  var sender: MQTTSender?
  /// What the will takes from the budget for stored messages, as long as it is kept.
  var charge: MemoryCharge?

  init(_ will: MQTTConnect.Will, topic: MQTTResolvedTopic, version: MQTTVersion) {
    self.topic = topic
    qos = will.qos
    retain = will.retain
    delaySeconds = will.properties.number(.willDelayInterval) ?? 0
    expirySeconds = will.properties.number(.messageExpiryInterval)
    form = version == .v5 ? MQTTFrame.form5 : MQTTFrame.form3
    packet = ByteBuffer()
    let publish = MQTTPublish(
      topic: ByteBuffer(bytes: topic.name), payload: will.payload,
      properties: will.properties.without(.willDelayInterval))
    MQTTEncoder.encode(.publish(publish), version, into: &packet)
  }
}

/// A will as it is written down.
extension MQTTWill {
  private static let version: UInt8 = 1

  var note: [UInt8] {
    var buffer = ByteBuffer()
    buffer.writeMultipleIntegers(
      Self.version, form, qos.rawValue, UInt8(retain ? 1 : 0), delaySeconds,
      UInt8(expirySeconds == nil ? 0 : 1), expirySeconds ?? 0)
    switch topic.delay {
    case nil: buffer.writeMultipleIntegers(UInt8(0), Int64(0))
    case .interval(let seconds)?: buffer.writeMultipleIntegers(UInt8(1), seconds)
    case .time(let seconds)?: buffer.writeMultipleIntegers(UInt8(2), seconds)
    }
    buffer.writeField(topic.name)
    buffer.writeField(topic.canonical)
    buffer.writeField(packet.readableBytesView)
    return Array(buffer.readableBytesView)
  }

  init?(note: [UInt8]) {
    var buffer = ByteBuffer(bytes: note)
    guard
      let (version, form, qos, retain, delaySeconds, hasExpiry, expirySeconds) =
        buffer.readMultipleIntegers(
          as: (UInt8, UInt8, UInt8, UInt8, UInt32, UInt8, UInt32).self),
      version == Self.version, let quality = MQTTQoS(rawValue: qos),
      let (kind, seconds) = buffer.readMultipleIntegers(as: (UInt8, Int64).self),
      let name = buffer.readField(), let canonical = buffer.readField(),
      let packet = buffer.readField()
    else { return nil }
    self.form = form
    self.qos = quality
    self.retain = retain != 0
    self.delaySeconds = delaySeconds
    self.expirySeconds = hasExpiry == 0 ? nil : expirySeconds
    self.packet = ByteBuffer(bytes: packet)
    topic = MQTTResolvedTopic(
      name: name, canonical: canonical,
      delay: kind == 0 ? nil : kind == 1 ? .interval(seconds) : .time(seconds))
  }
}
