/// SUBACK or UNSUBACK (MQTT 5.0, 3.9 and 3.11).
public struct MQTTSuback: Hashable, Sendable {
  /// Of the request.
  public var packetID: UInt16
  /// One for each filter of the request; none in UNSUBACK before MQTT 5.0.
  public var reasons: [MQTTReasonCode]
  /// Properties; empty before MQTT 5.0.
  public var properties: MQTTProperties

  /// A SUBACK or UNSUBACK.
  public init(
    packetID: UInt16, reasons: [MQTTReasonCode], properties: MQTTProperties = MQTTProperties()
  ) {
    self.packetID = packetID
    self.reasons = reasons
    self.properties = properties
  }
}
