public import NIOCore

/// PUBLISH (MQTT 5.0, 3.3).
public struct MQTTPublish: Hashable, Sendable {
  /// Empty when a topic alias stands for it.
  public var topic: ByteBuffer
  /// The message.
  public var payload: ByteBuffer
  /// Properties; empty before MQTT 5.0.
  public var properties: MQTTProperties
  /// 0 with QoS 0, else 1 to 65,535.
  public var packetID: UInt16
  /// Quality of service.
  public var qos: MQTTQoS
  /// Whether it may have been sent before.
  public var duplicate: Bool
  /// Whether to retain it, or whether it was retained.
  public var retain: Bool

  /// A PUBLISH.
  public init(
    topic: ByteBuffer, payload: ByteBuffer, qos: MQTTQoS = .atMostOnce, packetID: UInt16 = 0,
    retain: Bool = false, duplicate: Bool = false, properties: MQTTProperties = MQTTProperties()
  ) {
    self.topic = topic
    self.payload = payload
    self.properties = properties
    self.packetID = packetID
    self.qos = qos
    self.duplicate = duplicate
    self.retain = retain
  }
}
