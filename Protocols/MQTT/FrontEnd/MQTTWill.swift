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
