/// Quality of service (MQTT 5.0, 4.3).
public enum MQTTQoS: UInt8, Hashable, Sendable, CaseIterable, Comparable {
  /// Not acknowledged.
  case atMostOnce = 0
  /// Acknowledged by PUBACK.
  case atLeastOnce = 1
  /// Acknowledged by PUBREC, PUBREL, PUBCOMP.
  case exactlyOnce = 2

  /// Orders by strength of the promise.
  public static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
}
