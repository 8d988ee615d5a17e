/// CONNACK (MQTT 5.0, 3.2).
public struct MQTTConnack: Hashable, Sendable {
  /// Whether the server still had the session. Not on the wire in MQTT 3.1.
  public var sessionPresent: Bool
  /// A reason code in MQTT 5.0, an `MQTTConnectReturnCode` before.
  public var code: UInt8
  /// Properties; empty before MQTT 5.0.
  public var properties: MQTTProperties

  /// A CONNACK.
  public init(
    sessionPresent: Bool = false, code: UInt8, properties: MQTTProperties = MQTTProperties()
  ) {
    self.sessionPresent = sessionPresent
    self.code = code
    self.properties = properties
  }
}
