/// AUTH (MQTT 5.0, 3.15).
public struct MQTTAuth: Hashable, Sendable {
  /// Success, continue authentication, or re-authenticate.
  public var reason: MQTTReasonCode
  /// Properties.
  public var properties: MQTTProperties

  /// An AUTH.
  public init(reason: MQTTReasonCode, properties: MQTTProperties = MQTTProperties()) {
    self.reason = reason
    self.properties = properties
  }
}
