/// PUBACK, PUBREC, PUBREL or PUBCOMP (MQTT 5.0, 3.4 to 3.7).
public struct MQTTAcknowledgement: Hashable, Sendable {
  /// Of the message that it is about.
  public var packetID: UInt16
  /// Always success before MQTT 5.0.
  public var reason: MQTTReasonCode
  /// Properties; empty before MQTT 5.0.
  public var properties: MQTTProperties

  /// An acknowledgement.
  public init(
    packetID: UInt16, reason: MQTTReasonCode = .success,
    properties: MQTTProperties = MQTTProperties()
  ) {
    self.packetID = packetID
    self.reason = reason
    self.properties = properties
  }
}
