/// DISCONNECT (MQTT 5.0, 3.14).
public struct MQTTDisconnect: Hashable, Sendable {
  /// Always success before MQTT 5.0.
  public var reason: MQTTReasonCode
  /// Properties; empty before MQTT 5.0.
  public var properties: MQTTProperties

  /// A DISCONNECT.
  public init(
    reason: MQTTReasonCode = .success, properties: MQTTProperties = MQTTProperties()
  ) {
    self.reason = reason
    self.properties = properties
  }
}
