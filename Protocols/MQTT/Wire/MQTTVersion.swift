/// A version of the protocol, with its number on the wire (CONNECT, protocol level).
public enum MQTTVersion: UInt8, Hashable, Sendable, CaseIterable {
  /// MQTT 3.1, protocol name `MQIsdp`.
  case v31 = 3
  /// MQTT 3.1.1.
  case v311 = 4
  /// MQTT 5.0.
  case v5 = 5
}
